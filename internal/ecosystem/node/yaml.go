package node

import "go.yaml.in/yaml/v4"

// mapping are the values of the top mapping of a YAML document by their keys, none of an empty one; ok is false when it is
// something else, or can't be read.
func mapping(text string) (top map[string]*yaml.Node, ok bool) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, false
	}
	if len(doc.Content) == 0 {
		return nil, true
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	top = map[string]*yaml.Node{}
	for pairs := doc.Content[0].Content; len(pairs) > 1; pairs = pairs[2:] {
		top[pairs[0].Value] = pairs[1]
	}
	return top, true
}

// scalar is the text of a scalar; empty for all others.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}
