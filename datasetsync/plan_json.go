package datasetsync

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

// planVersion is the version of the format.
const planVersion = 1

// planHead has the members of a plan's JSON that are not lists.
type planHead struct {
	Version     int      `json:"version"`
	DatasetID   string   `json:"dataset_id"`
	DatasetName string   `json:"dataset_name"`
	Key         string   `json:"key,omitempty"`
	Keep        []string `json:"keep_properties,omitempty"`
	Equal       int      `json:"equal"`
	Extra       int      `json:"extra"`
	Full        bool     `json:"full,omitempty"`
}

type itemJSON struct {
	Key             string          `json:"key,omitempty"`
	PlainKey        bool            `json:"key_is_json,omitempty"` // the key is not a string
	Index           int             `json:"index,omitempty"`
	Line            int             `json:"line,omitempty"`
	RecordID        string          `json:"record_id,omitempty"`
	OldPayload      digest          `json:"old_payload,omitzero"`
	OldProperties   digest          `json:"old_properties,omitzero"`
	Payload         json.RawMessage `json:"payload,omitempty"`
	Properties      json.RawMessage `json:"properties,omitempty"`
	Differences     []Difference    `json:"differences,omitempty"`
	MoreDifferences int             `json:"more_differences,omitempty"`
	Kept            string          `json:"kept,omitempty"`
	Same            int             `json:"same,omitempty"`
}

// listNames are the names of the lists in a plan's JSON.
var listNames = []string{"create", "update", "delete", "left_alone"}

func (p *Plan) list(name string) *[]Item {
	return map[string]*[]Item{
		"create": &p.Create, "update": &p.Update, "delete": &p.Delete, "left_alone": &p.LeftAlone,
	}[name]
}

// MarshalJSON returns the whole plan, including the payloads and properties to write. It returns an
// error if the plan is closed. For large plans, [Plan.WriteTo] needs less memory.
func (p Plan) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// WriteTo writes the JSON of [Plan.MarshalJSON] and a line break. It keeps one record at a time in
// memory. It returns an error if [ReadPlan] would refuse the plan.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	if p.isClosed() {
		return 0, fmt.Errorf("datasetsync: writing a plan: %w", invalid("plan", "it is nil or closed"))
	}
	count := &countingWriter{w: w}
	buffered := bufio.NewWriterSize(count, 64<<10)
	err := p.write(buffered)
	if err = errors.Join(err, buffered.Flush()); err != nil {
		err = fmt.Errorf("datasetsync: writing a plan: %w", err)
	}
	return count.n, err
}

func (p *Plan) write(w *bufio.Writer) error {
	head := planHead{planVersion, p.DatasetID, p.DatasetName, p.Key, p.KeepProperties, p.Equal, p.Extra, p.full}
	encoded, err := marshal(head)
	if err = cmp.Or(head.check(), p.checkKept(), err); err != nil {
		return err
	}
	_, _ = w.Write(bytes.TrimSuffix(encoded, []byte("}"))) // Flush returns the errors of w
	seen := map[string]bool{}
	for _, name := range listNames {
		fmt.Fprintf(w, `,%q:[`, name)
		for i, item := range *p.list(name) {
			out, err := item.encode()
			if err = cmp.Or(err, out.check(name, seen)); err != nil {
				return fmt.Errorf("%s: item %d: %w", name, i+1, err)
			}
			if encoded, err = marshal(out); err != nil {
				return err
			}
			if i > 0 {
				_ = w.WriteByte(',')
			}
			_, _ = w.Write(encoded)
		}
		_ = w.WriteByte(']')
	}
	_, err = w.WriteString("}\n")
	return err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(data []byte) (int, error) {
	n, err := c.w.Write(data)
	c.n += int64(n)
	return n, err
}

func (i *Item) encode() (itemJSON, error) {
	parts, err := i.parts()
	known := i.known()
	return itemJSON{
		Key: i.Key, PlainKey: i.plainKey, Index: i.Index, Line: i.Line, RecordID: i.RecordID,
		OldPayload: known.old.payload, OldProperties: known.old.properties,
		Payload: json.RawMessage(parts[0]), Properties: json.RawMessage(parts[1]),
		Differences: i.Differences, MoreDifferences: i.MoreDifferences, Kept: known.kept, Same: known.same,
	}, err
}

// ReadPlan reads a plan that [Plan.WriteTo] or [Plan.MarshalJSON] has written. Like [Diff] it keeps
// payloads and properties in memory up to 4 MiB, then in a temporary file. Close the plan after
// use. ReadPlan reads r to its end, and returns an error if r does not hold exactly one plan.
func ReadPlan(r io.Reader) (*Plan, error) {
	if r == nil {
		return nil, fmt.Errorf("datasetsync: reading a plan: %w", invalid("reader", "it is nil"))
	}
	p := &Plan{bodies: &overflowFile{}}
	if err := p.read(json.NewDecoder(r)); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("datasetsync: reading a plan: %w", err)
	}
	return p, nil
}

// UnmarshalJSON reads a plan as [ReadPlan] does. It closes the plan that p held before.
func (p *Plan) UnmarshalJSON(raw []byte) error {
	read, err := ReadPlan(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	_ = p.Close()
	*p = *read
	return nil
}

func (p *Plan) read(dec *json.Decoder) error {
	if err := expect(dec, json.Delim('{')); err != nil {
		return err
	}
	head, lists, seen := map[string]json.RawMessage{}, map[string]bool{}, map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // names are strings
		switch {
		case lists[name]:
			err = errors.New("it is there twice")
		case slices.Contains(listNames, name):
			lists[name] = true
			err = p.readItems(dec, name, seen)
		case head[name] != nil:
			err = errors.New("it is there twice")
		default:
			var value json.RawMessage
			err = dec.Decode(&value)
			head[name] = value
		}
		if err != nil {
			return fmt.Errorf("%s: %w", display(name), err)
		}
	}
	if err := expect(dec, json.Delim('}')); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("there is data after the plan")
	}
	if err := p.setHead(head); err != nil {
		return err
	}
	for _, name := range listNames {
		if !lists[name] {
			return fmt.Errorf("it has no list %q", name)
		}
	}
	return p.checkKept()
}

// checkKept returns an error if the plan deletes a record that it keeps in the place of another
// one.
func (p *Plan) checkKept() error {
	deleted := make(map[string]bool, len(p.Delete))
	for i := range p.Delete {
		deleted[p.Delete[i].RecordID] = true
	}
	for i := range p.Delete {
		if kept := p.Delete[i].known().kept; deleted[kept] {
			return fmt.Errorf("delete: record %s is deleted, and kept in the place of %s",
				display(kept), display(p.Delete[i].RecordID))
		}
	}
	return nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && token != want {
		err = fmt.Errorf("expected %v, got %s", want, display(fmt.Sprint(token)))
	}
	return err
}

func (p *Plan) setHead(values map[string]json.RawMessage) error {
	raw, err := json.Marshal(values)
	if err != nil {
		return err
	}
	var head planHead
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields() // a setting that is not understood could change what the plan does
	if err := dec.Decode(&head); err != nil {
		return err
	}
	p.DatasetID, p.DatasetName, p.Key = head.DatasetID, head.DatasetName, head.Key
	p.KeepProperties = head.Keep
	p.Equal, p.Extra, p.full = head.Equal, head.Extra, head.Full
	return head.check()
}

func (h planHead) check() error {
	switch {
	case h.Version != planVersion:
		return fmt.Errorf("its version is %d, not %d", h.Version, planVersion)
	case h.DatasetID == "":
		return errors.New("it has no dataset_id")
	case h.Equal < 0 || h.Extra < 0:
		return errors.New("a count is negative")
	}
	return nil
}

func (p *Plan) readItems(dec *json.Decoder, list string, seen map[string]bool) error {
	if err := expect(dec, json.Delim('[')); err != nil {
		return err
	}
	items := p.list(list)
	for dec.More() {
		var in itemJSON
		if err := dec.Decode(&in); err != nil {
			return err
		}
		err := in.check(list, seen)
		var item Item
		if err == nil {
			item, err = in.item(list, p.bodies)
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", len(*items)+1, err)
		}
		*items = append(*items, item)
	}
	return expect(dec, json.Delim(']'))
}

// check returns an error if an item does not belong into a list. seen has the IDs of the records
// of the items before it.
func (i *itemJSON) check(list string, seen map[string]bool) error {
	creates, leaves := list == "create", list == "left_alone"
	switch {
	case creates && i.RecordID != "":
		return errors.New("it has a record_id")
	case !creates && i.RecordID == "":
		return errors.New("it has no record_id")
	case !creates && seen[i.RecordID]:
		return fmt.Errorf("record %s is there twice", display(i.RecordID))
	case creates && (i.Payload == nil || i.Properties == nil):
		return errors.New("it has no payload or no properties")
	case list == "update" && i.Payload == nil && i.Properties == nil:
		return errors.New("it has neither payload nor properties")
	case list == "delete" && (i.Payload == nil) != (i.Properties == nil),
		leaves && (i.Payload != nil || i.Properties != nil):
		return errors.New("it has a payload or properties")
	case i.Payload != nil && !isObject(i.Payload), i.Properties != nil && !isObject(i.Properties):
		return errors.New("its payload or properties are not a JSON object")
	case i.Same < 0 || i.Index < 0 || i.Line < 0 || i.MoreDifferences < 0:
		return errors.New("a number is negative")
	}
	seen[i.RecordID] = true
	return nil
}

func (i *itemJSON) item(list string, bodies *overflowFile) (item Item, err error) {
	item = Item{
		Key: i.Key, plainKey: i.PlainKey, Index: i.Index, Line: i.Line, RecordID: i.RecordID,
		ChangesPayload: list != "delete" && i.Payload != nil, ChangesProperties: list != "delete" && i.Properties != nil,
		Differences: i.Differences, MoreDifferences: i.MoreDifferences,
	}
	known := state{content{i.OldPayload, i.OldProperties}, i.Kept, i.Same}
	if known != (state{}) {
		item.state = &known
	}
	if i.Payload != nil || i.Properties != nil {
		err = item.keep(bodies, mistralobs.Object(i.Payload), mistralobs.Object(i.Properties))
	}
	return item, err
}
