package datasetsync

import (
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Plan holds the changes that would make a dataset equal to the wanted records. Its text is a summary; its JSON is
// complete, so that another process can apply the plan later ([ReadPlan]).
type Plan struct {
	DatasetID string // the ID, even if Diff was given a slug
	Key       string // as in [Options]
	Create    []Item // in the order of the wanted records
	Update    []Item // in the order of the wanted records
	Delete    []Item // in the order of the dataset
	LeftAlone []Item // records of the dataset whose payload or properties are not a JSON object
	Equal     int    // the number of records that need no change
	Extra     int    // the number of records that match no wanted record and stay, because Delete was not set

	full   bool
	bodies *overflowFile // the payloads and properties to write; nil after Close
}

// Item is a record of a plan.
type Item struct {
	Key               string // the value of the key property, as JSON if it is not a string; "" if there is none
	Index             int    // the position of the wanted record, from 1; 0 if there is no wanted record
	Line              int    // the line of the wanted record, from 1; 0 if there is no wanted record or no line
	RecordID          string // "" if the record is not in the dataset
	ChangesPayload    bool   // the item writes the payload
	ChangesProperties bool   // the item writes the properties
	// Differences are the differences between the record and the wanted record of an update. With [Options.Full] they are
	// complete. Otherwise only the first 20 updates have them: at most three of the payload and three of the properties.
	Differences     []Difference
	MoreDifferences int // the number of differences that were found and left out

	old, want           content
	bodies              *overflowFile
	payload, properties span
	kept                string // the ID of the record with the same key that stays; only for a deletion of a duplicate
	same                int    // the number of records with this content at the comparison; only without a key
}

// Payload returns the payload to write, or nil if the item does not change the payload. It returns an error if the plan
// is closed or its temporary file cannot be read.
func (i Item) Payload() (mistralobs.Object, error) { return i.body(i.ChangesPayload, i.payload) }

// Properties returns the properties to write, or nil if the item does not change the properties. It returns the errors
// of [Item.Payload].
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

// InSync reports whether the plan has no changes. Extra and LeftAlone do not count as changes.
func (p *Plan) InSync() bool { return p.Changes() == 0 }

// Changes returns the number of records to create, update and delete.
func (p *Plan) Changes() int { return len(p.Create) + len(p.Update) + len(p.Delete) }

// Close releases the payloads and properties to write, and removes their temporary file. After Close the plan cannot be
// applied or marshaled. If Close is never called, the garbage collector frees the file, except on Windows, where it
// stays.
func (p *Plan) Close() error {
	if p.bodies == nil {
		return nil
	}
	err := p.bodies.close()
	p.bodies = nil
	return err
}

// size returns the number of records that the dataset had at the comparison.
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

// maxPrinted is the number of items of each list in the text of a plan without Options.Full.
const maxPrinted = 20

// String returns a line with the counts, and a line for each item (+ create, ~ update, - delete, ! left alone) with its
// differences. Without [Options.Full] it shows up to 20 items of each list. It quotes keys with characters that are not
// printable.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s: %d to create, %d to update, %d to delete, %d equal",
		display(p.DatasetID), len(p.Create), len(p.Update), len(p.Delete), p.Equal)
	if p.Extra > 0 {
		fmt.Fprintf(&b, ", %d not wanted but kept", p.Extra)
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

// String returns the key of the item and a line for each difference. Without a key it returns the record ID, or else
// the line or position of the wanted record.
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

// nameOf names a record by its key, its ID, or its place in the input.
func nameOf(key, recordID string, line, index int) string {
	switch {
	case key != "":
		return display(key)
	case recordID != "":
		return "record " + display(recordID)
	}
	return place(line, index)
}
