package datasetsync

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mistralobs/mistralobs-go"
)

// planVersion is the version of the format.
const planVersion = 1

// planHead has the members of a plan's JSON that are not lists.
type planHead struct {
	Version   int    `json:"version"`
	DatasetID string `json:"dataset_id"`
	Key       string `json:"key,omitempty"`
	Equal     int    `json:"equal"`
	Extra     int    `json:"extra"`
	Full      bool   `json:"full,omitempty"`
}

type itemJSON struct {
	Key             string          `json:"key,omitempty"`
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

// itemLists returns the lists of a plan by their names in JSON.
func (p *Plan) itemLists() map[string]*[]Item {
	return map[string]*[]Item{"create": &p.Create, "update": &p.Update, "delete": &p.Delete, "left_alone": &p.LeftAlone}
}

// MarshalJSON returns the whole plan, including the payloads and properties to write. It returns an error if the plan
// is closed. For large plans, [Plan.WriteTo] needs less memory.
func (p *Plan) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// WriteTo writes the JSON of [Plan.MarshalJSON] and a line break. It keeps one record at a time in memory.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	if p.bodies == nil {
		return 0, invalid("plan", "it is closed")
	}
	count := &countingWriter{w: w}
	buffered := bufio.NewWriterSize(count, 64<<10)
	err := p.write(buffered)
	return count.n, errors.Join(err, buffered.Flush())
}

func (p *Plan) write(w *bufio.Writer) error {
	head, err := marshal(planHead{planVersion, p.DatasetID, p.Key, p.Equal, p.Extra, p.full})
	if err != nil {
		return err
	}
	_, _ = w.Write(bytes.TrimSuffix(head, []byte("}"))) // Flush returns the errors of w
	lists := p.itemLists()
	for _, name := range []string{"create", "update", "delete", "left_alone"} {
		fmt.Fprintf(w, `,%q:[`, name)
		for i := range *lists[name] {
			encoded, err := (*lists[name])[i].encode()
			if err != nil {
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

func (i *Item) encode() ([]byte, error) {
	payload, err := i.Payload()
	if err != nil {
		return nil, err
	}
	properties, err := i.Properties()
	if err != nil {
		return nil, err
	}
	return marshal(itemJSON{
		Key: i.Key, Index: i.Index, Line: i.Line, RecordID: i.RecordID,
		OldPayload: i.old.payload, OldProperties: i.old.properties,
		Payload: json.RawMessage(payload), Properties: json.RawMessage(properties),
		Differences: i.Differences, MoreDifferences: i.MoreDifferences, Kept: i.kept, Same: i.same,
	})
}

// ReadPlan reads a plan that [Plan.WriteTo] or [Plan.MarshalJSON] has written. Like [Diff] it keeps payloads and
// properties in memory up to 16 MiB, then in a temporary file. Close the plan after use. ReadPlan reads r to its end,
// and returns an error if r does not hold exactly one plan.
func ReadPlan(r io.Reader) (*Plan, error) {
	if r == nil {
		return nil, invalid("reader", "it is nil")
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
	head := map[string]json.RawMessage{}
	lists := p.itemLists()
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		text, _ := name.(string) // names are strings
		if items, ok := lists[text]; ok {
			err = p.readItems(dec, text, items)
		} else {
			var value json.RawMessage
			err = dec.Decode(&value)
			head[text] = value
		}
		if err != nil {
			return fmt.Errorf("%s: %w", display(text), err)
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
	return p.digestWanted()
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
	if err := json.Unmarshal(raw, &head); err != nil {
		return err
	}
	switch {
	case head.Version != planVersion:
		return fmt.Errorf("its version is %d, not %d", head.Version, planVersion)
	case head.DatasetID == "":
		return errors.New("it has no dataset_id")
	case head.Equal < 0 || head.Extra < 0:
		return errors.New("a count is negative")
	}
	p.DatasetID, p.Key, p.Equal, p.Extra, p.full = head.DatasetID, head.Key, head.Equal, head.Extra, head.Full
	return nil
}

// digestWanted computes the digests of the parts to be written. The key may come after them, so it is done at the end.
func (p *Plan) digestWanted() error {
	for _, items := range [][]Item{p.Create, p.Update} {
		for i := range items {
			item := &items[i]
			payload, err := item.Payload()
			if err != nil {
				return err
			}
			properties, err := item.Properties()
			if err != nil {
				return err
			}
			if item.ChangesPayload {
				item.want.payload = digestOf(payload)
			}
			if item.ChangesProperties {
				item.want.properties = digestOf(properties)
			}
		}
	}
	return nil
}

func (p *Plan) readItems(dec *json.Decoder, list string, items *[]Item) error {
	if err := expect(dec, json.Delim('[')); err != nil {
		return err
	}
	for dec.More() {
		var in itemJSON
		if err := dec.Decode(&in); err != nil {
			return err
		}
		item, err := p.decode(list, in)
		if err != nil {
			return fmt.Errorf("item %d: %w", len(*items)+1, err)
		}
		*items = append(*items, item)
	}
	return expect(dec, json.Delim(']'))
}

func (p *Plan) decode(list string, in itemJSON) (Item, error) {
	item := Item{
		Key: in.Key, Index: in.Index, Line: in.Line, RecordID: in.RecordID,
		ChangesPayload: in.Payload != nil, ChangesProperties: in.Properties != nil,
		Differences: in.Differences, MoreDifferences: in.MoreDifferences, kept: in.Kept, same: in.Same,
		old: content{in.OldPayload, in.OldProperties},
	}
	writes := item.ChangesPayload || item.ChangesProperties
	switch {
	case list == "create" && (!item.ChangesPayload || !item.ChangesProperties):
		return item, errors.New("it has no payload or no properties")
	case list == "update" && !writes:
		return item, errors.New("it has neither payload nor properties")
	case (list == "delete" || list == "left_alone") && writes:
		return item, errors.New("it has a payload or properties")
	case list != "create" && in.RecordID == "":
		return item, errors.New("it has no record_id")
	case item.ChangesPayload && !isObject(in.Payload), item.ChangesProperties && !isObject(in.Properties):
		return item, errors.New("its payload or properties are not a JSON object")
	}
	item.want = item.old
	return item, item.keep(p.bodies, mistralobs.Object(in.Payload), mistralobs.Object(in.Properties))
}
