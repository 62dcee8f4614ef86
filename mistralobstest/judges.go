package mistralobstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// savedJudge is a judge that is saved in the workspace.
type savedJudge struct {
	id               string
	created, updated time.Time
	definition       mistralobs.JudgeDefinition
}

// SeedJudge adds a judge, and returns its ID. It panics if the service would refuse the definition,
// for example because it has no Output.
func (s *Server) SeedJudge(definition mistralobs.JudgeDefinition) (judgeID string) {
	definition.Tools = append([]string{}, definition.Tools...) // not null
	raw, err := json.Marshal(definition)
	if err != nil {
		panic("mistralobstest: " + err.Error())
	}
	c := &checker{}
	_ = json.Unmarshal(raw, &c.body)
	definition = c.judgeDefinition()
	for _, found := range c.complaints {
		panic("mistralobstest: the definition of the judge is not valid: " + found.String())
	}
	d, now, unlock := s.lock()
	defer unlock()
	return d.addJudge(definition, now).id
}

// Judges returns the existing judges in the order of creation.
func (s *Server) Judges() []mistralobs.Judge {
	d, _, unlock := s.lock()
	defer unlock()
	judges := make([]mistralobs.Judge, len(d.judges))
	for i, j := range d.judges {
		judges[i] = mistralobs.Judge{
			ID: j.id, CreatedAt: j.created, UpdatedAt: j.updated, OwnerID: d.owner, WorkspaceID: d.workspace,
			JudgeDefinition: j.definition,
		}
	}
	return judges
}

func (d *store) addJudge(definition mistralobs.JudgeDefinition, now time.Time) *savedJudge {
	saved := &savedJudge{id: newID(), created: now, updated: now, definition: definition}
	d.judges = append(d.judges, saved)
	return saved
}

func (s *Server) listJudges(r *http.Request) (answer, error) {
	c := check(r)
	p := c.page()
	query := r.URL.Query()
	text, types, models := strings.ToLower(query.Get("q")), query["type_filter"], query["model_filter"]
	for i, name := range types {
		if t := mistralobs.JudgeOutputType(name); t != mistralobs.OutputRegression && t != mistralobs.OutputClassification {
			c.complain("enum", "Input should be 'REGRESSION' or 'CLASSIFICATION'", name, "query", "type_filter", i)
		}
	}
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	var found []*savedJudge
	for _, j := range d.judges {
		if strings.Contains(strings.ToLower(j.definition.Name+"\n"+j.definition.Description), text) &&
			(len(types) == 0 || slices.Contains(types, string(j.definition.Output.Type))) &&
			(len(models) == 0 || slices.Contains(models, j.definition.ModelName)) {
			found = append(found, j)
		}
	}
	return pageOf("judges", found, p, d.judgeJSON), nil
}

func (d *store) judgeJSON(j *savedJudge) []byte {
	def := j.definition
	return new(object).stamps(j.id, j.created, j.updated).set("name", def.Name).set("description", def.Description).
		set("model_name", def.ModelName).set("instructions", def.Instructions).set("tools", def.Tools).
		set("output", def.Output).set("owner_id", d.owner).set("workspace_id", d.workspace).
		set("up_revision", nil).set("down_revision", nil).set("base_revision", nil).bytes()
}

func (s *Server) createJudge(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	definition := c.judgeDefinition()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	defer unlock()
	if err := d.checkJudgeName(definition.Name, nil); err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, d.judgeJSON(d.addJudge(definition, now))}, nil
}

// checkJudgeName returns an error if a judge other than except has the name.
func (d *store) checkJudgeName(name string, except *savedJudge) error {
	for _, j := range d.judges {
		if j != except && j.definition.Name == name {
			return apiError(http.StatusConflict, "JUDGE_NAME_ALREADY_EXISTS", fmt.Sprintf("A judge is named %q", name))
		}
	}
	return nil
}

func (s *Server) getJudge(r *http.Request) (answer, error) {
	return s.withJudge(r, func(d *store, j *savedJudge) (answer, error) {
		return answer{http.StatusOK, d.judgeJSON(j)}, nil
	})
}

func (s *Server) updateJudge(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	definition := c.judgeDefinition()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withJudge(r, func(d *store, j *savedJudge) (answer, error) {
		if reflect.DeepEqual(j.definition, definition) {
			return answer{}, apiError(http.StatusConflict, "JUDGE_DID_NOT_CHANGE", "The judge is the same as before")
		}
		if err := d.checkJudgeName(definition.Name, j); err != nil {
			return answer{}, err
		}
		j.definition = definition
		j.updated = time.UnixMilli(later(j.updated.UnixMilli(), s.options.now()))
		return answer{status: http.StatusNoContent}, nil
	})
}

func (s *Server) deleteJudge(r *http.Request) (answer, error) {
	return s.withJudge(r, func(d *store, j *savedJudge) (answer, error) {
		d.judges = slices.DeleteFunc(d.judges, func(other *savedJudge) bool { return other == j })
		return answer{status: http.StatusNoContent}, nil
	})
}

func (s *Server) judgeConversation(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	messages := c.list("messages", 0, -1)
	for i, message := range messages {
		if message[0] != '{' {
			c.complain("dict_type", "Input should be a valid dictionary", message, "body", "messages", i)
		}
	}
	properties := c.object("properties", false)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	payload := new(object).raw("messages", c.body["messages"]).bytes()
	return s.withJudge(r, func(_ *store, j *savedJudge) (answer, error) {
		return runJudge(j.definition, payload, properties)
	})
}

// withJudge calls f with the judge that the path names, under the lock.
func (s *Server) withJudge(r *http.Request, f func(*store, *savedJudge) (answer, error)) (answer, error) {
	c := check(r)
	id := c.pathID("judge_id")
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	i := slices.IndexFunc(d.judges, func(j *savedJudge) bool { return j.id == id })
	if i < 0 {
		return answer{}, apiError(http.StatusNotFound, "JUDGE_NOT_FOUND", fmt.Sprintf("Judge %s not found", id))
	}
	return f(d, d.judges[i])
}
