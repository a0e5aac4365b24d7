package dockerfile

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// hardCases are sources that parsers stumble over. All are held against
// BuildKit, and seed the fuzzers.
var hardCases = map[string]string{
	"empty":                          "",
	"blank lines alone":              "\n\n  \n",
	"comment alone":                  "# a",
	"no last newline":                "FROM a",
	"crlf":                           "FROM a\r\nRUN b \\\r\n  c\r\n# d\r\n",
	"several carriage returns":       "FROM a\r\r\nRUN b\\\r\r\nc\r\n",
	"bom":                            "\xef\xbb\xbf# escape=`\nFROM a\nRUN b `\nc\n",
	"bom before instruction":         "\xef\xbb\xbfFROM a\n",
	"leading blanks":                 "  \tFROM a\n\t RUN b\n",
	"unicode blanks":                 "\u00a0FROM a\u2003\n\u00a0\nRUN b\u00a0\n",
	"lower case":                     "from a\nrun b\n",
	"directives":                     "# syntax=docker/dockerfile:1\n# check=skip=A,B;error=true\n# escape=`\nFROM a\nCOPY a b`\n c\n",
	"directive after comment":        "# a\n# escape=`\nFROM a\nRUN b \\\n c\n",
	"directive after blank":          "\n# escape=`\nFROM a\nRUN b \\\n c\n",
	"unknown directive ends them":    "# foo=bar\n# escape=`\nFROM a\nRUN b \\\n c\n",
	"directive twice":                "# escape=`\n# escape=\\\nFROM a\n",
	"bad escape directive":           "# escape=x\nFROM a\n",
	"shebang":                        "#!/usr/bin/env x\n# escape=`\nFROM a\n",
	"continuation":                   "FROM a\nRUN b \\\n c \\\n d\n",
	"continuation with blanks":       "FROM a\nRUN b \\ \t\n c\n",
	"continuation at the end":        "FROM a\nRUN b \\",
	"continuation before eof blanks": "FROM a\nRUN b \\\n\n# c\n\n",
	"continuation inside a word":     "FROM a\nRUN b\\\nc\n",
	"continuation inside keyword":    "FR\\\nOM a\nRUN b\n",
	"continuation starts":            "\\\nFROM a\n\\\n\\\nRUN b\n",
	"continuation alone":             "FROM a\n\\\n",
	"escaped escape":                 "FROM a\nRUN b \\\\\nRUN c\n",
	"three escapes":                  "FROM a\nRUN b \\\\\\\nRUN c\n",
	"comment in continuation":        "FROM a\nRUN b \\\n  # c \\\n  d\n",
	"blank line in continuation":     "FROM a\nRUN b \\\n\n  \n  c\n",
	"comment looks like directive":   "FROM a\nRUN b \\\n# escape=`\n c\n",
	"flags":                          "FROM --platform=linux/amd64 a AS b\nCOPY --from=b --chown=\"1:1\" --link a b\n",
	"flags continued":                "FROM a\nCOPY --chown=1 \\\n # x\n --chmod=7 a b\n",
	"flag with escapes":              "FROM a\nCOPY --chown=a\\ b x y\n",
	"double dash":                    "FROM a\nRUN -- --b c\nRUN --\nCOPY --link -- a b\n",
	"flag without a value":           "FROM a\nCOPY --from a b\n",
	"flag unknown":                   "FROM a\nCOPY --form=x a b\n",
	"flag twice":                     "FROM a\nCOPY --from=x --from=y a b\n",
	"flag list":                      "FROM a\nCOPY --exclude=x --exclude=y a b\n",
	"flag bool":                      "FROM a\nCOPY --link=maybe a b\n",
	"flag bool empty":                "FROM a\nCOPY --link= a b\n",
	"flag on cmd":                    "FROM a\nCMD --a\n",
	"flag on arg":                    "FROM a\nARG --a\nARG --b=c d\nSTOPSIGNAL --x SIGINT\n",
	"flags unclosed quote":           "FROM a\nCOPY --from=\"x a b\n",
	"json":                           "FROM a\nCMD [ \"a\" , \"b\\\"c\\u00e9\" ]\nRUN [\"x\"]\n",
	"json continued":                 "FROM a\nCMD [\"a\", \\\n # c\n \"b\"]\n",
	"json split in a string":         "FROM a\nCMD [\"a\\\nb\"]\n",
	"json empty":                     "FROM a\nCMD []\nENTRYPOINT []\nRUN []\n",
	"json broken":                    "FROM a\nCMD [\"a\", 'b']\nRUN [a]\nCOPY [a b]\n",
	"json of numbers":                "FROM a\nCMD [\"a\", 1]\n",
	"json null":                      "FROM a\nCMD [null]\n",
	"json with a tail":               "FROM a\nCMD [\"a\"] b\n",
	"json copy":                      "FROM a\nCOPY [\"a b\", \"c\"]\nVOLUME [\"/x\", \"/y\"]\n",
	"json copy without destination":  "FROM a\nCOPY [\"a\"]\n",
	"env":                            "FROM a\nENV A=1 B=\"2 3\" C='4 5' D=6\\ 7 E=\\\n8\n",
	"env old":                        "FROM a\nENV A b c\nENV B  \"x\"  \nLABEL k v w\n",
	"env old without a value":        "FROM a\nENV A\n",
	"env without an argument":        "FROM a\nENV\n",
	"env mixed":                      "FROM a\nENV A=1 B\n",
	"env blank name":                 "FROM a\nENV =1\n",
	"env quoted name":                "FROM a\nENV \"A B\"=1\n",
	"env open quote":                 "FROM a\nENV A=\"b c\nRUN d\n",
	"env escape at end":              "FROM a\nENV A=b\\ \n",
	"label":                          "FROM a\nLABEL \"x.y\"=\"z\" a=b\n",
	"arg":                            "ARG A=1\nARG B C=2\nFROM a\nARG A\n",
	"arg blank name":                 "FROM a\nARG =1\n",
	"arg without an argument":        "FROM a\nARG\n",
	"heredoc":                        "FROM a\nRUN <<EOF\nb\nEOF\nRUN c\n",
	"heredoc chomped":                "FROM a\nRUN <<-EOF\n\tb\n\t\tEOF\nRUN c\n",
	"heredoc quoted":                 "FROM a\nRUN <<\"E F\" <<'X'\nb\nE F\nX\nRUN c\n",
	"heredoc with a blank":           "FROM a\nRUN cat << EOF\nb\nEOF\n",
	"heredoc with descriptor":        "FROM a\nRUN 3<<EOF cat\nb\nEOF\n",
	"heredoc crlf":                   "FROM a\r\nRUN <<EOF\r\nb\r\nEOF\r\nRUN c\r\n",
	"heredoc copy":                   "FROM a\nCOPY <<A <<-B x /y/\n1\nA\n\t2\n\tB\n",
	"heredoc as destination":         "FROM a\nCOPY a <<B\nB\n",
	"heredoc empty":                  "FROM a\nRUN <<EOF\nEOF",
	"heredoc unterminated":           "FROM a\nRUN <<EOF\nb\nEOF \n",
	"heredoc in onbuild":             "FROM a\nONBUILD RUN <<EOF\nb\nEOF\nRUN c\n",
	"heredoc in json":                "FROM a\nRUN [\"<<EOF\"]\nRUN b\n",
	"heredoc in cmd":                 "FROM a\nCMD <<EOF\nRUN b\n",
	"heredoc after open quote":       "FROM a\nRUN 'a <<EOF\nRUN b\n",
	"heredoc quoted whole":           "FROM a\nRUN \"<<EOF\"\nRUN '<<EOF'\nRUN \\<<EOF\n",
	"heredoc here-string":            "FROM a\nRUN cat <<<b\nRUN $((1<<2))\n",
	"heredoc with variable":          "FROM a\nRUN <<$A\nb\n$A\nRUN <<E${B}\nb\nE${B}\n",
	"heredoc beside bad substitute":  "FROM a\nRUN ${a,,} <<EOF\nRUN b\n",
	"heredoc beside default":         "FROM a\nRUN <<E${B:-c}\nRUN d\n",
	"heredoc empty name":             "FROM a\nRUN <<\"\"\nb\n\nRUN c\n",
	"heredoc holds a continuation":   "FROM a\nRUN <<EOF\nb \\\nEOF\nRUN c\n",
	"heredoc after a continuation":   "FROM a\nRUN b && \\\n # x\n cat <<EOF && \\\n d\ne\nEOF\nRUN f\n",
	"heredoc escape backtick":        "# escape=`\nFROM a\nRUN `<<EOF\nRUN b\n",
	"healthcheck":                    "FROM a\nHEALTHCHECK --interval=5s --retries=3 CMD curl x\nHEALTHCHECK CMD [\"a\"]\nHEALTHCHECK NONE\nHEALTHCHECK none\n",
	"healthcheck bad type":           "FROM a\nHEALTHCHECK curl x\n",
	"healthcheck bad interval":       "FROM a\nHEALTHCHECK --interval=5 CMD a\n",
	"healthcheck short interval":     "FROM a\nHEALTHCHECK --interval=5us CMD a\n",
	"healthcheck bad retries":        "FROM a\nHEALTHCHECK --retries=-1 CMD a\n",
	"healthcheck none with more":     "FROM a\nHEALTHCHECK NONE a\n",
	"healthcheck empty":              "FROM a\nHEALTHCHECK CMD\n",
	"healthcheck empty json":         "FROM a\nHEALTHCHECK CMD []\n",
	"onbuild":                        "FROM a\nONBUILD COPY --from=x a b\nONBUILD ENV A=1\n",
	"onbuild onbuild":                "FROM a\nONBUILD ONBUILD ONBUILD RUN b\n",
	"onbuild from":                   "FROM a\nONBUILD FROM b\n",
	"onbuild unknown":                "FROM a\nONBUILD FOO b\n",
	"onbuild bad env":                "FROM a\nONBUILD ENV b\n",
	"onbuild empty":                  "FROM a\nONBUILD\n",
	"unknown instruction":            "FROM a\nRUNN b\n",
	"forgotten continuation":         "FROM a\nRUN b\n  && c\n",
	"no from":                        "RUN a\n",
	"arg alone":                      "ARG A=1\n",
	"from without an argument":       "FROM\n",
	"from with two":                  "FROM a b\n",
	"from without as":                "FROM a is b\n",
	"from bad name":                  "FROM a AS 1x\n",
	"from upper case name":           "FROM a AS Build\nFROM build as c\n",
	"copy without destination":       "FROM a\nCOPY a\n",
	"user":                           "FROM a\nUSER a b\nWORKDIR /a b\nSTOPSIGNAL 9\nMAINTAINER a b\n",
	"user without an argument":       "FROM a\nUSER\n",
	"shell":                          "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\n",
	"shell not json":                 "FROM a\nSHELL bash -c\n",
	"shell empty":                    "FROM a\nSHELL []\n",
	"volume":                         "FROM a\nVOLUME /a /b\nEXPOSE 80 443/tcp\n",
	"volume empty":                   "FROM a\nVOLUME [\"\"]\n",
	"expose without an argument":     "FROM a\nEXPOSE\n",
	"mount from variable":            "FROM a\nRUN --mount=type=bind,from=$X b\n",
	"mount bad csv":                  "FROM a\nRUN --mount=type=\"a b\n",
	"mounts":                         "FROM a\nRUN --mount=type=cache,target=/x --mount=type=secret,id=y --network=none b\n",
	"network unknown":                "FROM a\nRUN --network=x b\n",
	"device":                         "FROM a\nRUN --device=nvidia.com/gpu=all,required b\n",
	"security unknown":               "FROM a\nRUN --security=x b\n",
	"nothing to run":                 "FROM a\nRUN\nCMD\nENTRYPOINT\n",
	"nul and other bytes":            "FROM a\nRUN \x00\xff\xfe b\n",
	"form feed":                      "FROM\fa\nRUN\vb\n",
	"long line":                      "FROM a\nRUN " + strings.Repeat("x", 65530) + "\n",
	"longest line":                   "FROM a\nRUN " + strings.Repeat("x", 65531) + "\n",
	"too long line":                  "FROM a\nRUN " + strings.Repeat("x", 65532) + "\n",
	"longest last line":              "FROM a\nRUN " + strings.Repeat("x", 65531),
	"too long last line":             "FROM a\nRUN " + strings.Repeat("x", 65532),
}

func TestHardCasesAgreeWithBuildKit(t *testing.T) {
	for name, src := range hardCases {
		t.Run(name, func(t *testing.T) {
			if err := agree([]byte(src)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("%d cases", len(hardCases))
}

func FuzzParse(f *testing.F) {
	for _, src := range hardCases {
		if len(src) < 1000 {
			f.Add([]byte(src))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("Dockerfile", src)
		if bad := lossless(file); bad != nil {
			t.Fatal(bad)
		}
		for _, i := range file.Instructions {
			file.StateBefore(i)
			file.Block(i)
			file.Script(i)
			file.Ignored("a/b", i)
		}
		if judged(src) {
			if bad := agree(src); bad != nil {
				t.Fatal(bad, err)
			}
		}
	})
}

// judged leaves out what BuildKit reads otherwise: bytes that are not UTF-8,
// which it turns into U+FFFD, and NUL and marks of byte order, which its
// scanner drops.
func judged(src []byte) bool {
	s := string(src)
	return utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\ufeff\ufffd")
}

func BenchmarkParse(b *testing.B) {
	var src strings.Builder
	src.WriteString("FROM python:3.11 AS build\n")
	for range 40 {
		src.WriteString("# why\nRUN apt-get update && \\\n    # inner\n    apt-get install -y gcc \\\n    make\nENV A=1 B=\"2 3\"\nCOPY --chown=1:1 a b /c/\nRUN <<EOF\nx\nEOF\nCMD [\"a\", \"b\"]\n")
	}
	b.SetBytes(int64(src.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("Dockerfile", []byte(src.String())); err != nil {
			b.Fatal(err)
		}
	}
}
