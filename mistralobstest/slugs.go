package mistralobstest

import (
	"strconv"
	"strings"
)

// findDataset returns the dataset with an ID or slug, or nil. A value that has the form of a UUID
// is always an ID.
func (d *store) findDataset(idOrSlug string) *dataset {
	if isUUID(idOrSlug) {
		return d.datasetByID[strings.ToLower(idOrSlug)]
	}
	return d.datasetBySlug[idOrSlug]
}

// newSlug returns an unused slug for a name. It appends a number if another dataset has the slug,
// or if the slug has the form of a UUID.
func (d *store) newSlug(name string) string {
	base := slugOf(name)
	slug := base
	for n := 2; d.datasetBySlug[slug] != nil || isUUID(slug); n++ {
		slug = base + "-" + strconv.Itoa(n)
	}
	return slug
}

// slugOf returns the name in lower case with one hyphen for each run of characters that are not
// ASCII letters or digits.
func slugOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if len(words) == 0 {
		return "dataset"
	}
	return strings.Join(words, "-")
}
