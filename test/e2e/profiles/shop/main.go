// SPDX-License-Identifier: Apache-2.0
//
// A small server whose profiles are test data: it allocates, computes under
// labels, waits for a lock and for a channel. profiles/README.md says how they
// were taken.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"runtime/pprof"
	"sort"
	"sync"
	"time"
)

type order struct {
	id    int
	items []int
}

var (
	stock  sync.Mutex
	orders []*order
)

func square(x int) int { return x*x + 7 }

func price[T any](list []T, f func(T) int) (sum int) {
	for _, x := range list {
		sum += f(x)
	}
	return sum
}

//go:noinline
func newOrder(id int) *order {
	o := &order{id: id, items: make([]int, 100+id%1000)}
	for i := range o.items {
		o.items[i] = (i * 7919) % 104729
	}
	return o
}

//go:noinline
func (o *order) pack() int {
	sort.Ints(o.items)
	return price(o.items, square)
}

//go:noinline
func reserve(d time.Duration) {
	stock.Lock()
	time.Sleep(d)
	stock.Unlock()
}

func work(depth int, end time.Time) int {
	if depth > 0 {
		return work(depth-1, end) + 1
	}
	n := 0
	for id := 0; time.Now().Before(end); id++ {
		o := newOrder(id)
		n += o.pack()
		if id%64 == 0 && len(orders) < 2000 {
			stock.Lock()
			orders = append(orders, o)
			stock.Unlock()
		}
	}
	return n
}

func main() {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	runtime.MemProfileRate = 64 << 10
	queue := make(chan int)
	for i := 0; i < 3; i++ {
		go func() {
			for {
				reserve(3 * time.Millisecond)
				<-queue
			}
		}()
	}
	go func() {
		for {
			queue <- 1
		}
	}()
	http.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"alpha", "beta"} {
			go pprof.Do(context.Background(), pprof.Labels("worker", name, "shift", "1"), func(context.Context) {
				work(len(name), time.Now().Add(1500*time.Millisecond))
			})
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, nil))
}
