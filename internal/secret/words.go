package secret

// The lists below are matched against the words of a variable's name: DB_PASSWORD
// and dbPassword both have the words DB and PASSWORD.

// secretWords name a credential wherever they stand.
func secretWords() [][]string {
	return [][]string{
		{"TOKEN"}, {"SECRET"}, {"PASSWORT"},
		{"CREDENTIAL"}, {"CREDENTIALS"}, {"CREDS"},
		{"API", "KEY"}, {"PRIVATE", "KEY"}, {"ACCESS", "KEY"}, {"APP", "KEY"}, {"AUTH", "KEY"},
		{"ENCRYPTION", "KEY"}, {"SIGNING", "KEY"}, {"MASTER", "KEY"}, {"LICENSE", "KEY"},
		{"JWT", "KEY"}, {"SESSION", "KEY"}, {"ACCOUNT", "KEY"}, {"DEPLOY", "KEY"}, {"SSH", "KEY"},
	}
}

// secretEndings end words that name a credential, written together: PGPASSWORD.
func secretEndings() []string {
	return []string{"PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "APITOKEN", "AUTHTOKEN", "ACCESSTOKEN", "SECRETKEY", "PRIVATEKEY", "ACCESSKEY"}
}

// lastSecretWords name a credential only as the last word of several: DB_PASS, but not PASS_THROUGH, PWD or OLD_PWD.
func lastSecretWords() []string { return []string{"PASS", "PWD", "PSWD", "PAT"} }

// shellNames end as a credential would, but the shell sets them.
func shellNames() []string { return []string{"PWD", "OLDPWD", "OLD_PWD"} }

// describingWords after a secret word say that the value is about a credential, and not one.
func describingWords() []string {
	return []string{
		"FILE", "FILES", "PATH", "DIR", "DIRECTORY", "FOLDER", "LOCATION", "MOUNT",
		"ID", "IDS", "NAME", "NAMES", "ARN", "REF", "REFERENCE", "ALIAS", "LABEL", "KIND", "TYPE",
		"URL", "URI", "HOST", "ENDPOINT", "PORT", "REGION", "SERVICE", "PROVIDER", "BACKEND", "STORE", "MANAGER", "ENGINE",
		"TTL", "EXPIRE", "EXPIRES", "EXPIRY", "EXPIRATION", "EXP", "LIFETIME", "TIMEOUT", "AGE", "DURATION",
		"MINUTES", "SECONDS", "HOURS", "DAYS", "INTERVAL", "ROTATION", "REFRESH",
		"ALGORITHM", "ALG", "ALGO", "ISSUER", "AUDIENCE", "SCOPE", "SCOPES", "CLASS", "HASHER", "HASHERS", "ROUNDS", "ITERATIONS",
		"LENGTH", "LEN", "SIZE", "MIN", "MAX", "COUNT", "LIMIT", "BUDGET",
		"REGEX", "PATTERN", "POLICY", "VALIDATOR", "VALIDATORS", "RULES", "STRENGTH",
		"HEADER", "PREFIX", "SUFFIX", "FIELD", "PARAM", "COLUMN", "COOKIE", "MODE", "FORMAT", "ENCODING",
		"ENABLED", "DISABLED", "REQUIRED", "OPTIONAL", "VERSION", "COMMAND", "CMD", "HELPER", "HINT", "RESET",
	}
}

// describingFirstWords before a secret word do the same.
func describingFirstWords() []string {
	return []string{
		"PUBLIC", "ALLOW", "ENABLE", "DISABLE", "USE", "REQUIRE", "SKIP", "HAS", "IS", "NO",
		"MAX", "MIN", "NUM", "PAD", "EOS", "BOS", "UNK", "MASK", "SEP", "CLS",
	}
}

// placeholders are values, or parts of values, that stand for a credential to come.
func placeholders() []string {
	return []string{
		"changeme", "change-me", "change_me", "changethis", "change-this", "change_this", "change it",
		"replaceme", "replace-me", "replace_me", "replace-with", "replace_with", "replacethis",
		"yourpassword", "your-", "your_", "<your", "placeholder", "example", "sample", "dummy", "insert-", "insert_",
		"todo", "fixme", "setme", "set-me", "set_me", "modify this", "modify-this", "tobedefined", "to-be-", "fill-me", "fill_me", "xxxx", "notasecret", "not-a-secret", "not_a_secret",
	}
}

// constants are values that are a setting and no credential.
func constants() []string {
	return []string{"true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined", "0", "1", "enabled", "disabled", "auto", "default"}
}

// references start values that say where a credential is kept.
func references() []string {
	return []string{
		"vault:", "op://", "arn:aws:secretsmanager:", "arn:aws:ssm:", "sops:", "ssm:", "secretsmanager:", "akv://", "gcpsm://",
		"/run/", "/etc/", "/var/", "/home/", "/root/", "/app/", "/usr/", "/opt/", "/mnt/", "/tmp/", "/srv/", "/data/", "/secrets/", "/vault/", "/config/",
		"./", "../", "~/", "file:",
	}
}
