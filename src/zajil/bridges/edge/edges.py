"""The web servers in front: nginx and Caddy, with Zajil behind a real site, and the very same without it.

Every path that is no file of the site is asked about at the daemon, without its body; the daemon refuses, and the edge
shows its own 404. So an unknown path, a wrong token and a dead daemon are one thing, also in how bodies are read and
connections end. Only a request that was let in is then brought to the daemon.

What the probes found, and what these files do about it:
- a plain `proxy_pass` waits for bodies and answers `Expect`, where a server of files does neither: hence the question
  without a body (nginx `auth_request`, Caddy `reverse_proxy` with `method GET`), in front of everything;
- a client that half closes must get its answer all the same: `proxy_ignore_client_abort`, `flush_interval -1`;
- over HTTP/2 an answer that had to be asked for comes after frames that an answer at once comes before (nginx), or is
  lost where the client half closes (Caddy): hence HTTP/1.1 alone. nginx speaks no HTTP/2 unless it is told to; for
  Caddy that is unusual, so nginx is the better edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.bridges.edge.config import EdgeConfig, EdgeKind

NOT_FOUND: Final = "404.html"
"""The page of the site that everybody else sees."""
NGINX_FILE, CADDY_FILE = "nginx.conf", "Caddyfile"
ASKED_S: Final = 3
"""Longest the daemon may think before it counts as dead."""


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """One edge. socket: of the daemon, None for the same server without Zajil. listen: an address, "" for all.

    http_port: answers with a redirect, None for none. certificate, key: files; for Caddy "" has it fetch its own.
    """

    domain: str
    site: str
    socket: str | None
    port: int = 443
    http_port: int | None = 80
    listen: str = ""
    certificate: str = ""
    key: str = ""


def plan_of(config: EdgeConfig) -> EdgePlan:
    """The edge of a bridge, as it goes to its web server. nginx takes its certificate from where certbot puts it."""
    live = f"/etc/letsencrypt/live/{config.domain}" if config.edge == "nginx" else ""
    return EdgePlan(
        config.domain,
        config.site,
        config.socket,
        config.port,
        certificate=live and f"{live}/fullchain.pem",
        key=live and f"{live}/privkey.pem",
    )


def render_edge(kind: EdgeKind, plan: EdgePlan) -> str:
    """The configuration of one site, to be put where the web server reads it."""
    return render_nginx(plan) if kind == "nginx" else render_caddy(plan)


def render_nginx(plan: EdgePlan) -> str:
    """Server blocks for the http context of nginx 1.18 or newer."""
    missing = "=404" if plan.socket is None else "@ask"
    parts = [_NGINX_MAP] if plan.socket is not None else []
    if plan.http_port is not None:
        parts.append(_NGINX_HTTP.format(listen=_listen(plan, plan.http_port, ""), domain=plan.domain))
    parts.append(
        _NGINX_SITE.format(
            listen=_listen(plan, plan.port, " ssl"),
            domain=plan.domain,
            certificate=plan.certificate,
            key=plan.key,
            site=plan.site,
            not_found=NOT_FOUND,
            missing=missing,
            ask="" if plan.socket is None else _NGINX_ASK.format(socket=plan.socket, seconds=ASKED_S),
        )
    )
    return "\n".join(parts)


def _listen(plan: EdgePlan, port: int, ssl: str) -> str:
    places = [f"{plan.listen}:{port}"] if plan.listen else [str(port), f"[::]:{port}"]
    return "\n".join(f"\tlisten {place}{ssl};" for place in places)


def render_nginx_alone(plan: EdgePlan, folder: str, *, user: str = "") -> str:
    """A whole nginx.conf for one site, run in the foreground with all its files in this folder.

    user: whom workers run as, where nginx is started by root.
    """
    temporary = "\n".join(f"\t{kind}_temp_path {folder}/{kind};" for kind in _NGINX_TEMPORARY)
    return _NGINX_ALONE.format(
        folder=folder, user=f"user {user};\n" if user else "", temporary=temporary, site=render_nginx(plan)
    )


_NGINX_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_NGINX_ALONE: Final = """\
{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{
	worker_connections 4096;
}}
http {{
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
{temporary}
{site}}}
"""
_NGINX_MAP: Final = """\
map $http_upgrade $bridge_connection {
	default upgrade;
	"" "";
}
"""
_NGINX_HTTP: Final = """\
server {{
{listen}
	server_name {domain};
	server_tokens off;
	access_log off;
	error_log /dev/null;
	location ^~ /.well-known/acme-challenge/ {{
		root /var/www/html;
	}}
	location / {{
		return 301 https://$host$request_uri;
	}}
}}
"""
_NGINX_SITE: Final = """\
server {{
{listen}
	server_name {domain};
	ssl_certificate {certificate};
	ssl_certificate_key {key};
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers off;
	server_tokens off;
	gzip off;
	access_log off;
	error_log /dev/null;
	root {site};
	error_page 404 /{not_found};
	location = /{not_found} {{
		internal;
	}}
	location / {{
		try_files $uri $uri/index.html {missing};
	}}
{ask}}}
"""
# 403 is the one refusal that leaves the connection as it was; everything that can go wrong becomes one.
_NGINX_ASK: Final = """\
	location @ask {{
		auth_request /.ask;
		error_page 403 500 =404 /404.html;
		try_files /dev/null/none @bring;
	}}
	location = /.ask {{
		internal;
		proxy_pass http://unix:{socket}:/check;
		proxy_connect_timeout {seconds}s;
		proxy_read_timeout {seconds}s;
		proxy_ignore_client_abort on;
		proxy_pass_request_body off;
		proxy_pass_request_headers off;
		proxy_set_header Content-Length "";
		proxy_set_header X-Method $request_method;
		proxy_set_header X-Path $request_uri;
		proxy_set_header X-Upgrade $http_upgrade;
		proxy_set_header Origin $http_origin;
		proxy_set_header Sec-WebSocket-Key $http_sec_websocket_key;
		proxy_set_header Sec-WebSocket-Version $http_sec_websocket_version;
		proxy_intercept_errors on;
		error_page 400 401 404 405 413 414 426 429 431 500 501 502 503 504 @refuse;
	}}
	location @refuse {{
		return 403;
	}}
	location @bring {{
		proxy_pass http://unix:{socket};
		proxy_http_version 1.1;
		proxy_read_timeout 2m;
		proxy_request_buffering off;
		proxy_max_temp_file_size 0;
		proxy_pass_request_headers off;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection $bridge_connection;
		proxy_set_header Origin $http_origin;
		proxy_set_header Sec-WebSocket-Key $http_sec_websocket_key;
		proxy_set_header Sec-WebSocket-Version $http_sec_websocket_version;
		proxy_intercept_errors on;
		keepalive_requests 1;
	}}
"""


def render_caddy(plan: EdgePlan, *, alone: bool = False) -> str:
    """A Caddyfile for Caddy 2.6 or newer. alone: no admin endpoint and nothing on other ports."""
    settings = ["log {\n\t\texclude http\n\t}", "servers {\n\t\tprotocols h1\n\t}"]
    if alone:
        settings += ["admin off", "auto_https off", "skip_install_trust"]
    if plan.http_port not in (None, 80):
        settings.append(f"http_port {plan.http_port}")
    if plan.port != 443:
        settings.append(f"https_port {plan.port}")
    tls = f"\ttls {plan.certificate} {plan.key}\n" if plan.certificate else ""
    bind = f"\tbind {plan.listen}\n" if plan.listen else ""
    return _CADDY.format(
        settings="\n".join(f"\t{each}" for each in settings),
        address=f"https://{plan.domain}:{plan.port}" if alone else plan.domain,
        tls=tls + bind,
        site=plan.site,
        not_found=NOT_FOUND,
        ask=""
        if plan.socket is None
        else _CADDY_ASK.format(socket=f"unix/{plan.socket}", seconds=ASKED_S, strip=_strip(3), strip_more=_strip(5)),
    )


def _strip(depth: int) -> str:
    """The daemon gets neither the visitor's address nor anything else that it has no use for."""
    return "".join(f"{chr(9) * depth}header_up -{name}\n" for name in _NOT_PASSED)


_NOT_PASSED: Final = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"),
    *("Cookie", "Authorization", "User-Agent", "Referer", "Accept-Language", "Sec-WebSocket-Protocol"),
)
_CADDY: Final = """\
{{
{settings}
}}
{address} {{
{tls}	header -Server
	root * {site}
	route {{
		error /{not_found} 404
{ask}		file_server
	}}
	handle_errors {{
		rewrite * /{not_found}
		file_server {{
			status 404
		}}
	}}
}}
"""
_CADDY_ASK: Final = """\
		@missing not file {{path}} {{path}}/index.html
		reverse_proxy @missing {socket} {{
			method GET
			rewrite /check?
			flush_interval -1
{strip}			header_up -Expect
			header_up X-Method {{http.request.orig_method}}
			header_up X-Path {{http.request.orig_uri}}
			header_up X-Upgrade {{http.request.header.Upgrade}}
			transport http {{
				dial_timeout {seconds}s
				response_header_timeout {seconds}s
			}}
			@admitted status 204
			handle_response @admitted {{
				@posts method POST
				header @posts Connection close
				reverse_proxy {socket} {{
{strip_more}					@gone status 404
					handle_response @gone {{
						error 404
					}}
				}}
			}}
			handle_response {{
				error 404
			}}
		}}
"""
