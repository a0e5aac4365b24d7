package secret

import "regexp"

// fileKind is a kind of files that hold credentials.
type fileKind struct {
	names []string // patterns of path.Match on the file's name, or its last folder and name
	but   []string // names that are not meant
	what  string
	// content, if set, must occur in the file: its name alone does not tell.
	content *regexp.Regexp
}

// fileKinds is ordered: the first kind whose name matches decides.
func fileKinds() []fileKind {
	privateKey := regexp.MustCompile(`-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File`)
	return []fileKind{
		{names: []string{".env", ".env.*", "*.env", ".envrc"}, but: envExamples(), what: "environment file"},
		{names: []string{"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"}, what: "SSH private key", content: privateKey},
		{names: []string{"*.pem", "*.key", "*.p8", "*.pk8", "*.ppk", "*.asc", "*.gpg"}, what: "private key", content: privateKey},
		{names: []string{"*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"}, what: "key store"},
		{names: []string{".npmrc"}, what: "npm credentials", content: regexp.MustCompile(`(?m)^[^#;\n]*_(authToken|auth|password)\s*=\s*"?[^\s$"]`)},
		{names: []string{".yarnrc.yml"}, what: "Yarn credentials", content: regexp.MustCompile(`(?m)^\s*npmAuth(Token|Ident):\s*"?[^\s$"]`)},
		{names: []string{".netrc", "_netrc"}, what: "login data", content: regexp.MustCompile(`\bpassword\s+\S`)},
		{names: []string{".pypirc"}, what: "package index credentials", content: regexp.MustCompile(`(?m)^\s*password\s*[=:]\s*[^\s$%]`)},
		{names: []string{"pip.conf", "pip.ini"}, what: "package index credentials", content: urlUser},
		{names: []string{".git-credentials"}, what: "git credentials", content: urlUser},
		{names: []string{".docker/config.json", ".dockercfg", ".dockerconfigjson"}, what: "registry credentials", content: regexp.MustCompile(`"(auth|identitytoken|password)"\s*:\s*"[^"]`)},
		{names: []string{".aws/credentials"}, what: "AWS credentials", content: regexp.MustCompile(`(?i)aws_secret_access_key\s*=\s*\S`)},
		{names: []string{".kube/config", "kubeconfig", "*.kubeconfig", "kubeconfig.*"}, what: "Kubernetes credentials", content: regexp.MustCompile(`(?m)^\s*(client-key-data|token|password):\s*\S`)},
		{names: []string{"application_default_credentials.json", "*.json"}, what: "cloud service account", content: regexp.MustCompile(`"private_key"\s*:\s*"-----BEGIN|"type"\s*:\s*"authorized_user"[^}]*"refresh_token"|"refresh_token"[^}]*"type"\s*:\s*"authorized_user"`)},
		{names: []string{"terraform.tfstate", "*.tfstate", "*.tfstate.backup"}, what: "Terraform state, which holds every value in plain text"},
		{names: []string{".terraformrc", "terraform.rc", "credentials.tfrc.json"}, what: "Terraform credentials", content: regexp.MustCompile(`"?token"?\s*[=:]\s*"[^"]`)},
		{names: []string{".htpasswd"}, what: "password hashes"},
		{names: []string{".pgpass", "pgpass.conf"}, what: "database passwords"},
		{names: []string{".my.cnf", ".mylogin.cnf"}, what: "database password", content: regexp.MustCompile(`(?m)^\s*password\s*=\s*\S`)},
		{names: []string{".vault-token"}, what: "Vault token"},
		{names: []string{"config/master.key"}, what: "Rails master key"},
		{names: []string{".s3cfg"}, what: "AWS credentials", content: regexp.MustCompile(`(?m)^\s*secret_key\s*=\s*\S`)},
	}
}

// envExamples are environment files that are made to be shared.
func envExamples() []string {
	return []string{
		".env.example", ".env.*.example", ".env.sample", ".env.*.sample", ".env.template", ".env.*.template",
		".env.dist", ".env.*.dist", ".env.defaults", ".env.schema", ".env.example.*", ".env.vault",
		"example.env", "sample.env", "template.env", "*.example.env", "*.sample.env", "*.template.env",
	}
}

// IgnorePatterns are the lines of an ignore file that keep the usual files with
// credentials out of a context, examples excepted.
func IgnorePatterns() []string {
	return []string{
		"**/.env", "**/.env.*", "!**/.env.example", "!**/.env.sample", "!**/.env.template", "!**/.env.dist",
		"**/.envrc", "**/.npmrc", "**/.netrc", "**/.pypirc", "**/.git-credentials", "**/.aws", "**/.ssh", "**/.kube",
		"**/id_rsa", "**/id_ecdsa", "**/id_ed25519", "**/*.p12", "**/*.pfx", "**/*.tfstate", "**/.vault-token",
	}
}
