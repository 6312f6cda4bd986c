"""The web client as this server gives it out: files of the build, their headers, and a page while there is none."""
