package datasetsync

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Plan holds the changes that would make a dataset equal to the wanted records. Its text is a
// summary; its JSON is complete, so that another process can apply the plan later ([ReadPlan]).
type Plan struct {
	DatasetID   string // the ID, even if Diff was given a slug
	DatasetName string
	Key         string // as in [Options]
	// KeepProperties is as in [Options].
	KeepProperties []string
	Create         []Item // in the order of the wanted records
	Update         []Item // in the order of the wanted records
	Delete         []Item // in the order of the dataset
	// LeftAlone are the records of the dataset whose payload or properties are not a JSON object
	// and that match no wanted record.
	LeftAlone []Item
	Equal     int // the number of records that need no change
	Extra     int // the number of records that match no wanted record and stay, because Delete was not set

	full   bool
	bodies *overflowFile // the payloads and properties of the items
}

// Item is a record of a plan.
type Item struct {
	// Key is the value of the key property, as JSON if it is not a string; "" if there is none. A
	// key of more than 200 characters is cut and ends in "…".
	Key               string
	Index             int    // the position of the wanted record, from 1; 0 if there is no wanted record
	Line              int    // the line of the wanted record, from 1; 0 if there is no wanted record or no line
	RecordID          string // "" if the record is not in the dataset
	ChangesPayload    bool   // the item writes the payload
	ChangesProperties bool   // the item writes the properties
	plainKey          bool   // the key is not a string
	// Differences are the differences between the record and the wanted record of an update. With
	// [Options.Full] they are complete. Otherwise only the first 20 updates have them: at most
	// three of the payload and three of the properties. Text that is not Unicode has no differences
	// of its own.
	Differences     []Difference
	MoreDifferences int // the number of differences that were found and left out

	bodies *overflowFile
	body   span   // the payload and properties, see keep
	state  *state // nil for most creations
}

// state is what an item knows of the dataset at the comparison.
type state struct {
	old  content // of an update or a deletion
	kept string  // the ID of the record with the same key that stays; only for a deletion of a duplicate
	same int     // the number of records with the content of a creation; only without a key
}

func (i *Item) known() state {
	if i.state == nil {
		return state{}
	}
	return *i.state
}

// Payload returns the payload to write, or nil if the item does not change the payload. For a
// deletion in a plan with [Options.Full], it returns the payload that is deleted. It returns an
// error if the plan is closed or its temporary file cannot be read.
func (i Item) Payload() (mistralobs.Object, error) {
	parts, err := i.parts()
	return parts[0], err
}

// Properties returns the properties to write, or nil if the item does not change the properties.
// To those of an update, Apply adds the record's own values of [Plan.KeepProperties].
// For a deletion in a plan with [Options.Full], it returns the properties that are deleted. It
// returns the errors of [Item.Payload].
func (i Item) Properties() (mistralobs.Object, error) {
	parts, err := i.parts()
	return parts[1], err
}

// writes reports whether the item writes something.
func (i *Item) writes() bool { return i.ChangesPayload || i.ChangesProperties }

// parts returns what keep has stored: the payload and the properties. A part that was not stored is
// nil.
func (i *Item) parts() (parts [2]mistralobs.Object, err error) {
	if i.body == (span{}) && !i.writes() {
		return parts, nil
	}
	body, err := i.bodies.get(i.body)
	if err != nil {
		return parts, err
	}
	size, n := binary.Uvarint(body)
	body = body[n:]
	if size > 0 {
		parts[0] = body[:size:size]
	}
	if uint64(len(body)) > size {
		parts[1] = body[size:]
	}
	return parts, nil
}

// keep stores the parts that the item changes, or both parts if it changes none.
func (i *Item) keep(bodies *overflowFile, payload, properties mistralobs.Object) (err error) {
	if i.writes() && !i.ChangesPayload {
		payload = nil
	}
	if i.writes() && !i.ChangesProperties {
		properties = nil
	}
	body := make([]byte, 0, binary.MaxVarintLen64+len(payload)+len(properties))
	body = append(append(binary.AppendUvarint(body, uint64(len(payload))), payload...), properties...)
	i.bodies = bodies
	i.body, err = bodies.add(body)
	return err
}

// InSync reports whether the plan has no changes. Extra and LeftAlone do not count as changes.
func (p *Plan) InSync() bool { return p.Changes() == 0 }

// Changes returns the number of records to create, update and delete.
func (p *Plan) Changes() int {
	if p == nil {
		return 0
	}
	return len(p.Create) + len(p.Update) + len(p.Delete)
}

// Close releases the payloads and properties of the plan, and removes their temporary file. After
// Close the plan and its copies cannot be applied or marshaled. If Close is never called, the
// garbage collector frees the file, except on Windows, where it stays.
func (p *Plan) Close() error {
	if p == nil {
		return nil
	}
	return p.bodies.close()
}

func (p *Plan) isClosed() bool { return p == nil || p.bodies.isClosed() }

// size returns the number of records that the dataset had at the comparison.
func (p *Plan) size() int {
	return p.Equal + p.Extra + len(p.Update) + len(p.Delete) + len(p.LeftAlone)
}

// maxPrinted is the number of items of each list in the text of a plan without Options.Full.
const maxPrinted = 20

// shown returns how many of the items the text shows.
func (p *Plan) shown(items []Item) int {
	if p.full {
		return len(items)
	}
	return min(len(items), maxPrinted)
}

// String returns a line with the counts, and a line for each item (+ create, ~ update, - delete, !
// left alone) with its differences. Keys that are strings are quoted. With [Options.Full] it shows
// all items, and the whole records to create and delete. Otherwise it shows up to 20 items of each
// list. The text does not end in a line break.
func (p *Plan) String() string {
	if p == nil {
		return "no plan"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s (%s): %d to create, %d to update, %d to delete, %d equal",
		strconv.Quote(shorten(p.DatasetName)), display(p.DatasetID), len(p.Create), len(p.Update), len(p.Delete), p.Equal)
	if p.Extra > 0 {
		fmt.Fprintf(&b, ", %d not wanted but kept", p.Extra)
	}
	if n := len(p.LeftAlone); n > 0 {
		fmt.Fprintf(&b, ", %d left alone that are not JSON objects", n)
	}
	for _, group := range []struct {
		sign  string
		items []Item
	}{{"+", p.Create}, {"~", p.Update}, {"-", p.Delete}, {"!", p.LeftAlone}} {
		shown := p.shown(group.items)
		for i := range group.items[:shown] {
			item := &group.items[i]
			fmt.Fprintf(&b, "\n%s %s", group.sign, item)
			if p.full && group.sign != "~" {
				item.printRecord(&b)
			}
		}
		if more := len(group.items) - shown; more > 0 {
			fmt.Fprintf(&b, "\n%s … and %d more", group.sign, more)
		}
	}
	return b.String()
}

// String returns the key of the item and a line for each difference. Without a key it returns the
// record ID, or else the line or position of the wanted record.
func (i Item) String() string {
	var b strings.Builder
	b.WriteString(i.label().name(i.RecordID, i.Line, i.Index))
	for _, difference := range i.Differences {
		b.WriteString("\n    " + difference.String())
	}
	if i.MoreDifferences > 0 {
		fmt.Fprintf(&b, "\n    … and %s", counted(i.MoreDifferences, "more difference"))
	}
	return b.String()
}

func (i *Item) label() label { return label{i.Key, i.plainKey} }

// printRecord writes the whole record to create or to delete.
func (i *Item) printRecord(w io.Writer) {
	parts, err := i.parts()
	if err != nil {
		fmt.Fprintf(w, "\n    (%s)", visible(err.Error()))
	}
	for n, path := range []string{"payload", "properties"} {
		if parts[n] != nil {
			fmt.Fprintf(w, "\n    %s: %s", path, visible(compact(parts[n])))
		}
	}
}
