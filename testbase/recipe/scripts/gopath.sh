mkdir -p /go/src /go/bin
chmod -R 1777 /go
