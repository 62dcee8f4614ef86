// Package demo connects the examples to the service, or to an in-memory server for -demo.
package demo

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const (
	// FlagText is the text of the flag -demo.
	FlagText = "use an in-memory server with demo data; its contents are lost when the program ends"

	// Environment ends the text of -h of every program that calls [Client].
	Environment = `

Environment variables:
  MISTRAL_API_KEY        the API key
  MISTRAL_SA_TOKEN_PATH  a file with a service account's token; takes precedence over MISTRAL_API_KEY
  MISTRAL_BASE_URL       the URL of the service, if it is not ` + mistralobs.BaseURL

	// DatasetText is the text of a flag whose value goes to [Dataset].
	DatasetText = `id, slug or name of the dataset; -demo uses "` + dataset + `" by default`

	dataset = "Support tickets" // the name of the demo dataset

	taskDuration = time.Second // long enough to see the progress of an import

	notice = "-demo: using an in-memory server with demo data."
)

var (
	errNoAPIKey = errors.New(
		"there is no API key: set MISTRAL_API_KEY, or try the program with -demo on an in-memory server")
	errNoDataset = errors.New("no dataset is given: see -h")
)

// Client returns a client of the service; with useDemo, it returns a client of a server that it starts in this process
// and fills with demo data, and says so on messages. The caller must call done at the end.
//
// A program outside of this repository calls [mistralobs.NewClient] instead.
func Client(useDemo bool, messages io.Writer, opts ...mistralobs.Option) (_ *mistralobs.Client, done func(), _ error) {
	if useDemo {
		fmt.Fprintln(messages, notice)
		return serve(opts)
	}
	client, err := mistralobs.NewClient(opts...)
	if errors.Is(err, mistralobs.ErrNoAPIKey) {
		err = errNoAPIKey
	}
	if err != nil {
		return nil, nil, err
	}
	return client, client.CloseIdleConnections, nil
}

// Dataset returns the value of a flag that names a dataset. With useDemo, an empty value is the demo dataset.
// Without it, an empty value is an error, so that no program changes a dataset that nobody named.
func Dataset(useDemo bool, value string) (string, error) {
	if value == "" && useDemo {
		return dataset, nil
	}
	if value == "" {
		return "", errNoDataset
	}
	return value, nil
}

// serve starts a server and returns a client of it.
func serve(opts []mistralobs.Option) (_ *mistralobs.Client, done func(), _ error) {
	server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(taskDuration))
	server.SeedDemo()
	client, err := mistralobs.NewClient(append([]mistralobs.Option{
		mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey),
	}, opts...)...)
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return client, func() { client.CloseIdleConnections(); server.Close() }, nil
}
