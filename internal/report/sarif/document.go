package sarif

// The parts of SARIF 2.1.0 that are written. Names and required properties are those of the
// OASIS standard (sarif-schema-2.1.0.json).

type document struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool        tool         `json:"tool"`
	Invocations []invocation `json:"invocations"`
	ColumnKind  string       `json:"columnKind"`
	Results     []result     `json:"results"`
}

type tool struct {
	Driver driver `json:"driver"`
}

type driver struct {
	Name           string       `json:"name"`
	Version        string       `json:"version,omitempty"`
	InformationURI string       `json:"informationUri"`
	Rules          []descriptor `json:"rules"`
}

type descriptor struct {
	ID               string        `json:"id"`
	ShortDescription message       `json:"shortDescription"`
	FullDescription  *message      `json:"fullDescription,omitempty"`
	Help             *message      `json:"help,omitempty"`
	Configuration    configuration `json:"defaultConfiguration"`
}

type configuration struct {
	Level string `json:"level"`
}

type message struct {
	Text string `json:"text"`
}

type result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      message           `json:"message"`
	Locations    []location        `json:"locations"`
	Suppressions []suppression     `json:"suppressions,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
}

type location struct {
	Physical physicalLocation `json:"physicalLocation"`
}

type physicalLocation struct {
	Artifact artifact `json:"artifactLocation"`
	Region   *region  `json:"region,omitempty"` // absent when the file as a whole is meant
}

type artifact struct {
	URI string `json:"uri"`
}

// region counts lines and columns from 1, columns in Unicode code points.
type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndLine     int `json:"endLine,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"` // behind the last code point
}

// suppression "inSource" is a comment in the Dockerfile.
type suppression struct {
	Kind string `json:"kind"`
}

type invocation struct {
	Successful    bool           `json:"executionSuccessful"`
	Notifications []notification `json:"toolExecutionNotifications,omitempty"`
}

type notification struct {
	Level     string     `json:"level"`
	Message   message    `json:"message"`
	Locations []location `json:"locations,omitempty"`
}
