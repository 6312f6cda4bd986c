"""What reviewers' programs and the server must agree on: /mod/v1."""
