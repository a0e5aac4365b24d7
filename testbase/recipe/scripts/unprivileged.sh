# nginx without root: another port, and everything that it writes in /tmp.
sed -i -e '/^user /d' -e 's|/var/run/nginx.pid|/tmp/nginx.pid|' -e 's|/var/cache/nginx/\([a-z]*\)_temp|/tmp/\1_temp|' /etc/nginx/nginx.conf
sed -i 's/listen       80;/listen       8080;/' /etc/nginx/conf.d/default.conf
chown -R nginx:root /var/cache/nginx /etc/nginx /var/lib/nginx
chmod -R g+w /var/cache/nginx /etc/nginx
grep -q 'listen       8080;' /etc/nginx/conf.d/default.conf
nginx -t
rm -rf /tmp/*
