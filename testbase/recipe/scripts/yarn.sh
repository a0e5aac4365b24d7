# yarn.sh VERSION: it is in /opt already.
ln -s "/opt/yarn-v$1/bin/yarn" /usr/local/bin/yarn
ln -s "/opt/yarn-v$1/bin/yarnpkg" /usr/local/bin/yarnpkg
yarn --version
rm -rf /root/.cache /root/.yarnrc
