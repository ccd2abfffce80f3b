// SPDX-License-Identifier: Apache-2.0
//
// The program that cprof imitates: Go's own net/http/pprof, with something in
// every profile, so that http_go_test.py can prove itself right.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"sync"
	"time"
)

var kept [][]byte
var sink []byte
var mu sync.Mutex

//go:noinline
func keepBlocks(n int) {
	for i := 0; i < n; i++ {
		kept = append(kept, make([]byte, 65536))
	}
}

//go:noinline
func recurse(n int) int {
	if n > 0 {
		return recurse(n-1) + 1
	}
	s := 0
	for i := 0; i < 200000; i++ {
		s = s*31 + i
	}
	return s
}

func fight() {
	for {
		mu.Lock()
		time.Sleep(2 * time.Millisecond)
		mu.Unlock()
	}
}

func work() {
	for {
		recurse(300)
		sink = make([]byte, 1000)
		time.Sleep(time.Millisecond)
	}
}

func init() { runtime.MemProfileRate = 1 }

func main() {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	kept = make([][]byte, 0, 26)
	keepBlocks(26)
	go fight()
	go fight()
	go work()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	runtime.GC()
	fmt.Println(l.Addr().String())
	panic(http.Serve(l, nil))
}
