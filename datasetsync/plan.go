package datasetsync

import (
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Plan holds the changes that would make a dataset equal to the wanted records. It prints as a short text and marshals
// to JSON as a whole, so that it can be reviewed, and applied later by another process ([ReadPlan]).
type Plan struct {
	DatasetID string // the id, also if the plan was made by the slug
	Key       string // as in [Options]
	Create    []Item // in the order of the input
	Update    []Item // in the order of the input
	Delete    []Item // in the order of the dataset
	LeftAlone []Item // records whose payload or properties are not a JSON object
	Equal     int    // records that are equal already
	Extra     int    // records that are not wanted but stay, because Delete was not set

	full   bool
	bodies *overflowFile // what is to be written; nil after Close
}

// Item is a record of a plan.
type Item struct {
	Key               string // the value of the key property; "" if there is none
	Index             int    // of the wanted record in the input, from 1; 0 if it is not wanted
	Line              int    // of the wanted record in its file, from 1; 0 if it is not wanted or not from a file
	RecordID          string // "" if the record is not in the dataset
	ChangesPayload    bool   // the payload is written
	ChangesProperties bool   // the properties are written
	// Differences are those of an update between the dataset and the wanted record, up to three of the payload and three
	// of the properties, and all of them with [Options.Full]. Without it they are found for the first 20 updates.
	Differences     []Difference
	MoreDifferences int // that were left out

	old, want           content
	bodies              *overflowFile
	payload, properties span
	same                int // records with this content in the dataset when the plan was made; only without a key
}

// Payload returns the payload that would be written, nil if the item does not change the payload. It fails if the plan
// is closed or its temporary file cannot be read.
func (i Item) Payload() (mistralobs.Object, error) { return i.body(i.ChangesPayload, i.payload) }

// Properties returns the properties that would be written, nil if the item does not change the properties. It fails as
// [Item.Payload] does.
func (i Item) Properties() (mistralobs.Object, error) {
	return i.body(i.ChangesProperties, i.properties)
}

func (i Item) body(changes bool, at span) (mistralobs.Object, error) {
	if !changes {
		return nil, nil
	}
	return i.bodies.get(at)
}

// keep stores the parts that the item changes.
func (i *Item) keep(bodies *overflowFile, payload, properties mistralobs.Object) (err error) {
	i.bodies = bodies
	if i.ChangesPayload {
		if i.payload, err = bodies.add(payload); err != nil {
			return err
		}
	}
	if i.ChangesProperties {
		i.properties, err = bodies.add(properties)
	}
	return err
}

// InSync reports whether there is nothing to do.
func (p *Plan) InSync() bool { return p.Changes() == 0 }

// Changes returns the number of records that would be created, updated or deleted.
func (p *Plan) Changes() int { return len(p.Create) + len(p.Update) + len(p.Delete) }

// Close releases the payloads and properties to write, and removes their temporary file. The plan
// cannot be applied or marshaled after that. A plan that is not closed is cleaned up when it is
// garbage, except on Windows, where its file stays.
func (p *Plan) Close() error {
	if p.bodies == nil {
		return nil
	}
	err := p.bodies.close()
	p.bodies = nil
	return err
}

// size is the number of records that the dataset had when the plan was made.
func (p *Plan) size() int {
	return p.Equal + p.Extra + len(p.Update) + len(p.Delete) + len(p.LeftAlone)
}

func (p *Plan) checkDeletes(options Options) error {
	if n := len(p.Delete); options.MaxDeletes > 0 && n > options.MaxDeletes {
		return fmt.Errorf("datasetsync: dataset %s: %w: %d, and MaxDeletes is %d",
			display(p.DatasetID), ErrTooManyDeletes, n, options.MaxDeletes)
	}
	return nil
}

// maxPrinted is how many items of each list are printed, unless Options.Full is set.
const maxPrinted = 20

// String returns the plan as text: a line with the counts and a line for each change (+ create, ~ update, - delete,
// ! left alone), up to 20 of each unless [Options.Full] was set. Keys with unprintable characters are quoted.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s: %d to create, %d to update, %d to delete, %d equal",
		display(p.DatasetID), len(p.Create), len(p.Update), len(p.Delete), p.Equal)
	if p.Extra > 0 {
		fmt.Fprintf(&b, ", %d not wanted but left alone", p.Extra)
	}
	if n := len(p.LeftAlone); n > 0 {
		fmt.Fprintf(&b, ", %d left alone that are not JSON objects", n)
	}
	b.WriteByte('\n')
	for _, group := range []struct {
		sign  string
		items []Item
	}{{"+", p.Create}, {"~", p.Update}, {"-", p.Delete}, {"!", p.LeftAlone}} {
		for i := range group.items {
			if i == maxPrinted && !p.full {
				fmt.Fprintf(&b, "%s … and %d more\n", group.sign, len(group.items)-i)
				break
			}
			fmt.Fprintf(&b, "%s %s\n", group.sign, group.items[i])
		}
	}
	return b.String()
}

// String returns the name of the item and, on lines of their own, its differences.
func (i Item) String() string {
	var b strings.Builder
	b.WriteString(nameOf(i.Key, i.RecordID, i.Line, i.Index))
	for _, difference := range i.Differences {
		b.WriteString("\n    " + difference.String())
	}
	if i.MoreDifferences > 0 {
		fmt.Fprintf(&b, "\n    … and %d more differences", i.MoreDifferences)
	}
	return b.String()
}

// nameOf returns what a record is called: by its key, its id, or its place in the input.
func nameOf(key, recordID string, line, index int) string {
	switch {
	case key != "":
		return display(key)
	case recordID != "":
		return "record " + display(recordID)
	}
	return place(line, index)
}
