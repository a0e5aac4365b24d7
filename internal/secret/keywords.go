package secret

// keywordSearch finds the keywords of all rules in one pass. Three letters in a
// row, of which five bits each are kept, tell whether a keyword may begin.
type keywordSearch struct {
	code  [256]uint8
	fold  [256]uint8
	begin [1 << gramBits][]int32 // keywords that may begin with these letters
	may   [1 << gramBits]bool
	words []string
	rules [][]int32 // rules of each keyword
}

const gramBits = 15

func newKeywordSearch(all []*rule) *keywordSearch {
	s := &keywordSearch{}
	for b := range 256 {
		s.fold[b] = uint8(b)
		if b >= 'A' && b <= 'Z' {
			s.fold[b] = uint8(b) + 'a' - 'A'
		}
		if c := s.fold[b]; c >= 'a' && c <= 'z' {
			s.code[b] = c - 'a' + 1
		} else if c > ' ' {
			s.code[b] = 27 + c%5
		}
	}
	index := map[string]int32{}
	for n, r := range all {
		for _, word := range r.Keywords {
			i, ok := index[word]
			if !ok {
				i = int32(len(s.words))
				index[word] = i
				s.words = append(s.words, word)
				s.rules = append(s.rules, nil)
				s.plant(word, i)
			}
			s.rules[i] = append(s.rules[i], int32(n))
		}
	}
	return s
}

// plant notes with which letters a keyword begins; one of two letters with any third.
func (s *keywordSearch) plant(word string, i int32) {
	gram := int(s.code[word[0]])<<10 | int(s.code[word[1]])<<5
	if len(word) > 2 {
		gram |= int(s.code[word[2]])
		s.begin[gram] = append(s.begin[gram], i)
		s.may[gram] = true
		return
	}
	for third := range 32 {
		s.begin[gram|third] = append(s.begin[gram|third], i)
		s.may[gram|third] = true
	}
}

// find calls found for each place where a keyword begins, in ascending order.
func (s *keywordSearch) find(text []byte, found func(word int32, at int)) {
	gram := uint32(0)
	for i, b := range text {
		gram = (gram<<5 | uint32(s.code[b])) & (1<<gramBits - 1)
		if s.may[gram] && i >= 2 {
			s.check(text, gram, i-2, found)
		}
	}
	if n := len(text); n >= 2 { // keywords of two letters at the very end
		s.check(text, (gram<<5)&(1<<gramBits-1), n-2, found)
	}
}

func (s *keywordSearch) check(text []byte, gram uint32, at int, found func(word int32, at int)) {
	for _, i := range s.begin[gram] {
		if s.has(text[at:], s.words[i]) {
			found(i, at)
		}
	}
}

func (s *keywordSearch) has(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if s.fold[text[i]] != word[i] {
			return false
		}
	}
	return true
}
