package jsonreport

import "github.com/plimsoll/plimsoll/internal/finding"

type listDocument struct {
	Schema  string     `json:"schema"`
	Reports []document `json:"reports"`
}

// document is the JSON form of a report. Lists are never null, so that readers
// need no case for it.
type document struct {
	Schema       string                 `json:"schema"`
	Tool         tool                   `json:"tool"`
	Path         string                 `json:"path"`
	Compose      *composeDoc            `json:"compose,omitempty"`
	Engine       *engineInfo            `json:"engine,omitempty"`
	Verdict      string                 `json:"verdict,omitempty"`
	Findings     []findingDoc           `json:"findings"`
	Suppressed   []suppressed           `json:"suppressed"`
	NotEvaluated []notEvaluated         `json:"not_evaluated"`
	Plan         planDoc                `json:"plan"`
	Files        map[string]string      `json:"files"`
	Written      []string               `json:"written"`
	Observed     *observed              `json:"observed,omitempty"`
	Before       map[string]measurement `json:"before"`
	After        map[string]measurement `json:"after"`
	Requests     []request              `json:"requests"`
	Output       *output                `json:"output,omitempty"`
	Delivered    []delivery             `json:"delivered,omitempty"`
	Bases        []base                 `json:"bases"`
	Timings      []timing               `json:"timings"`
	Notes        []string               `json:"notes"`
	Replay       *replayDoc             `json:"replay,omitempty"`
	Failure      *failure               `json:"failure,omitempty"`
}

// composeDoc is the docker compose service that the Dockerfile was taken from.
type composeDoc struct {
	Files   []string `json:"files"`
	Service string   `json:"service"`
}

// delivery is a place where the image was put after the proof.
type delivery struct {
	Kind         string   `json:"kind"`
	Place        string   `json:"place"`
	Digest       string   `json:"digest,omitempty"`
	Attestations []string `json:"attestations"`
}

type tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type engineInfo struct {
	Name     string  `json:"name"`
	Version  string  `json:"version"`
	Platform string  `json:"platform"`
	Daemon   string  `json:"daemon,omitempty"`
	Chosen   string  `json:"chosen,omitempty"`
	Limits   *limits `json:"limits,omitempty"`
}

// limits are what containers were held to; those that are left out are none.
type limits struct {
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	Processes   int64 `json:"processes,omitempty"`
	DiskBytes   int64 `json:"disk_bytes,omitempty"`
	Watched     bool  `json:"watched,omitempty"`
}

type findingDoc struct {
	Rule     string             `json:"rule"`
	Severity string             `json:"severity"`
	File     string             `json:"file"`
	Line     int                `json:"line"`
	Column   int                `json:"column"`
	Message  string             `json:"message"`
	Costs    []finding.Cost     `json:"costs"`
	Evidence []finding.Evidence `json:"evidence"`
	Fix      *fix               `json:"fix,omitempty"`
	Refused  string             `json:"refused,omitempty"`
}

type fix struct {
	Title  string `json:"title"`
	Safety string `json:"safety"`
	Why    string `json:"why,omitempty"`
}

type suppressed struct {
	Rule string `json:"rule"`
	File string `json:"file"`
	Line int    `json:"line"`
	By   int    `json:"by"`
}

type notEvaluated struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}

type planDoc struct {
	Applied []applied `json:"applied"`
	Skipped []skipped `json:"skipped"`
}

type applied struct {
	Rule   string `json:"rule"`
	Title  string `json:"title"`
	Safety string `json:"safety"`
	Why    string `json:"why,omitempty"`
	Proven bool   `json:"proven"`
}

type skipped struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}

type observed struct {
	Port       int       `json:"port,omitempty"`
	Listening  []string  `json:"listening"`
	Serving    []string  `json:"serving"`
	Writes     []string  `json:"writes"`
	Processes  []process `json:"processes"`
	Programs   []string  `json:"programs"`
	Libraries  []string  `json:"libraries"`
	Packages   []string  `json:"packages"`
	Lacking    []string  `json:"lacking"`
	Files      []string  `json:"files"`
	Modules    []string  `json:"modules"`
	Env        []string  `json:"env"`
	Incomplete []string  `json:"incomplete"`
}

type process struct {
	PID    int      `json:"pid"`
	Parent int      `json:"parent"`
	Argv   []string `json:"argv"`
	Dir    string   `json:"dir,omitempty"`
	User   string   `json:"user"`
}

type measurement struct {
	// Value is a number, a string for metrics that are a text, or null when
	// nothing was measured; Note tells why.
	Value   any       `json:"value"`
	Unit    string    `json:"unit"`
	Samples []float64 `json:"samples"`
	Basis   string    `json:"basis"`
	Note    string    `json:"note,omitempty"`
}

type request struct {
	Method     string   `json:"method"`
	Path       string   `json:"path"`
	Before     int      `json:"before"`
	After      int      `json:"after"`
	Same       bool     `json:"same"`
	Noise      []string `json:"noise,omitempty"`
	Difference string   `json:"difference,omitempty"`
}

type output struct {
	Kind       string `json:"kind"`
	BeforeExit int    `json:"before_exit"`
	AfterExit  int    `json:"after_exit"`
	Lines      int    `json:"lines"`
	Noise      int    `json:"noise"`
	Same       bool   `json:"same"`
	Difference string `json:"difference,omitempty"`
}

type base struct {
	Reference string `json:"reference"`
	Used      string `json:"used"`
	Note      string `json:"note,omitempty"`
}

type timing struct {
	Phase   string  `json:"phase"`
	Seconds float64 `json:"seconds"`
}

type failure struct {
	Stage   string `json:"stage,omitempty"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Source  string `json:"source,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Hint    string `json:"hint,omitempty"`
}
