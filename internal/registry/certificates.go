package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// systemCertificates is where Docker keeps certificates, in a folder for each registry.
const systemCertificates = "/etc/docker/certs.d"

// certificateFolders are where Docker looks: the system's folder, and that of a daemon that runs
// for an ordinary user.
func certificateFolders() []string {
	folders := []string{systemCertificates}
	if config, err := os.UserConfigDir(); err == nil {
		folders = append(folders, filepath.Join(config, "docker", "certs.d"))
	}
	return folders
}

// systemRoots are the system's certificates, which SSL_CERT_FILE and SSL_CERT_DIR replace.
func systemRoots() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return x509.NewCertPool()
	}
	return pool
}

// readRoots are the system's certificates and those of a file; nil when there is no file.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool := systemRoots()
	return pool, addPEM(pool, file)
}

func addPEM(pool *x509.CertPool, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the CA's certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("reading the CA's certificates: %s holds none in PEM form (-----BEGIN CERTIFICATE-----)", file)
	}
	return nil
}

// tlsConfig is for one host, with or without port. own says that there are certificates for it alone.
func (a *Access) tlsConfig(host string) (config *tls.Config, own bool, err error) {
	config = &tls.Config{RootCAs: a.roots}
	for _, folder := range a.certs {
		found, err := addHost(config, filepath.Join(folder, host))
		if err != nil {
			return nil, false, fmt.Errorf("the certificates for %s: %w", host, err)
		}
		own = own || found
	}
	return config, own, nil
}

// addHost takes a folder as Docker has it: *.crt are CAs, a pair of NAME.cert and NAME.key is shown to the registry.
func addHost(config *tls.Config, folder string) (found bool, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch name, isPair := strings.CutSuffix(path, ".cert"); {
		case isPair:
			pair, err := tls.LoadX509KeyPair(path, name+".key")
			if err != nil {
				return false, err
			}
			config.Certificates, found = append(config.Certificates, pair), true
		case strings.HasSuffix(path, ".crt"):
			if err := addCA(config, path); err != nil {
				return false, err
			}
			found = true
		}
	}
	return found, nil
}

func addCA(config *tls.Config, path string) error {
	pool := systemRoots()
	if config.RootCAs != nil {
		pool = config.RootCAs.Clone() // it may be that of all hosts
	}
	config.RootCAs = pool
	return addPEM(pool, path)
}
