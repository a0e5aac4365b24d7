# Node.js, npm and corepack are in /usr/local already.
cd /usr/local/bin
ln -s ../lib/node_modules/npm/bin/npm-cli.js npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js npx
ln -s ../lib/node_modules/corepack/dist/corepack.js corepack
ln -s node nodejs
# Native addons are compiled against the headers that are here: node-gyp would
# download them from a host that can't be reached.
mkdir -p /usr/local/etc
echo 'nodedir=/usr/local' > /usr/local/etc/npmrc
ldconfig
node -e 'require("crypto").createHash("sha256"); new Intl.DateTimeFormat("de")'
npm --version
corepack --version
rm -rf /root/.npm
