// Emulator runs the in-memory server of the API as a program, with demo data, for clients in any language.
//
//	go run ./examples/emulator [-addr 127.0.0.1:8787] [-api-key key] [-task-duration 2s]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const about = `
Emulator runs the in-memory server of the API as a program, with demo data, for
clients in any language.

Its first line on standard output is a JSON object with the url, the api_key and
the ids of the demo data. It runs until SIGINT or SIGTERM, and its data is lost
then. Programs that use the SDK reach it with these environment variables:

  MISTRAL_BASE_URL=http://127.0.0.1:8787
  MISTRAL_API_KEY=` + mistralobstest.DefaultAPIKey

func main() {
	addr := flag.String("addr", "127.0.0.1:8787", "address to listen on; port 0 is any free port")
	key := flag.String("api-key", mistralobstest.DefaultAPIKey, "API key to accept")
	taskDuration := flag.Duration("task-duration", 2*time.Second, "how long an import takes")
	cli.Main(about, func(ctx context.Context) error {
		server := mistralobstest.NewUnstartedServer(
			mistralobstest.WithAPIKey(*key),
			mistralobstest.WithTaskDuration(*taskDuration),
			mistralobstest.WithRequestLog(0), // a log would grow as long as the program runs
		)
		defer server.Close()
		listener, err := net.Listen("tcp", *addr)
		if err != nil {
			return err
		}
		if err := announce(server, reachable(listener.Addr().String())); err != nil {
			return err
		}
		return serve(ctx, &http.Server{Handler: server.Handler(), ReadHeaderTimeout: time.Minute}, listener)
	})
}

// reachable replaces the address that means all interfaces by the loopback address.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// announce adds the demo data and prints what a client needs.
func announce(server *mistralobstest.Server, addr string) error {
	hello := struct {
		URL    string `json:"url"`
		APIKey string `json:"api_key"`
		mistralobstest.Demo
	}{"http://" + addr, server.APIKey, server.SeedDemo()}
	return json.NewEncoder(os.Stdout).Encode(hello)
}

// serve runs until the context ends. Then it gives open requests five seconds to finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
