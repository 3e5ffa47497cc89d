// Sends one sample by Prometheus remote write 2, with Prometheus' own client, and prints what the receiver said it wrote.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
)

type withToken struct{ token string }

func (t withToken) RoundTrip(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+t.token)
	return http.DefaultTransport.RoundTrip(request)
}

func main() {
	if os.Args[1] == "--version" {
		return
	}
	api, err := remote.NewAPI(os.Args[1], remote.WithAPIHTTPClient(&http.Client{Transport: withToken{os.Getenv("SSRMS_TOKEN")}}))
	if err != nil {
		panic(err)
	}
	symbols := writev2.NewSymbolTable()
	labels := symbols.SymbolizeLabels([]string{"__name__", "prw2_temperature", "hall", "north"}, nil)
	request := &writev2.Request{
		Timeseries: []*writev2.TimeSeries{{
			LabelsRefs: labels,
			Samples:    []*writev2.Sample{{Value: 97, Timestamp: time.Now().UnixMilli()}},
		}},
	}
	request.Symbols = symbols.Symbols()
	stats, err := api.Write(context.Background(), remote.WriteV2MessageType, request)
	if err != nil {
		panic(err)
	}
	fmt.Printf("samples written: %d\n", stats.Samples)
}
