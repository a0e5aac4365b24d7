# nginx.sh PACKAGE…: Debian's nginx in the layout of the official image.
groupadd --system --gid 101 nginx
useradd --system --uid 101 --gid nginx --no-create-home --home-dir /nonexistent --shell /bin/false nginx
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$@"

cd /etc/nginx
rm -rf sites-available sites-enabled modules-available modules-enabled snippets conf.d
mkdir -p conf.d /var/cache/nginx /docker-entrypoint.d /usr/share/nginx/html
rm -f /usr/share/nginx/html/*
chown -R nginx:nginx /var/cache/nginx /var/lib/nginx
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log

cat > nginx.conf <<'END'
user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid        /var/run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;
    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';
    access_log  /var/log/nginx/access.log  main;
    client_body_temp_path  /var/cache/nginx/client_temp;
    proxy_temp_path        /var/cache/nginx/proxy_temp;
    fastcgi_temp_path      /var/cache/nginx/fastcgi_temp;
    uwsgi_temp_path        /var/cache/nginx/uwsgi_temp;
    scgi_temp_path         /var/cache/nginx/scgi_temp;
    sendfile        on;
    keepalive_timeout  65;
    include /etc/nginx/conf.d/*.conf;
}
END
cat > conf.d/default.conf <<'END'
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
END
echo '<!DOCTYPE html><title>nginx</title><h1>nginx works</h1>' > /usr/share/nginx/html/index.html
echo '<!DOCTYPE html><title>Error</title><h1>An error occurred</h1>' > /usr/share/nginx/html/50x.html

cat > /docker-entrypoint.sh <<'END'
#!/bin/sh
# Runs what is in /docker-entrypoint.d before nginx.
set -e
case ${1-} in
nginx | nginx-debug)
	for file in /docker-entrypoint.d/*; do
		case $file in
		*.envsh) [ ! -x "$file" ] || . "$file" ;;
		*.sh) [ ! -x "$file" ] || "$file" ;;
		esac
	done
	;;
esac
exec "$@"
END
cat > /docker-entrypoint.d/20-envsubst-on-templates.sh <<'END'
#!/bin/sh
# Fills in the templates with the variables of the environment.
set -e
from=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
to=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
[ -d "$from" ] || exit 0
names=$(env | grep -E '^[A-Za-z_][A-Za-z0-9_]*=' | cut -d= -f1 | sed 's/.*/${&}/' | tr '\n' ' ')
find -L "$from" -type f -name "*$suffix" | while read -r file; do
	target=$to/${file#"$from"/}
	target=${target%"$suffix"}
	mkdir -p "$(dirname "$target")"
	envsubst "$names" < "$file" > "$target"
done
END
chmod 755 /docker-entrypoint.sh /docker-entrypoint.d/*
nginx -t
rm -rf /var/cache/nginx/* /run/nginx.pid
