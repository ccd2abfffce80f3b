// SPDX-License-Identifier: Apache-2.0
//
// A Go program that calls C: its runtime installs its own signal handlers (for
// SIGURG, too, by which it stops its threads) by raw system calls, and starts
// threads past every hook. In the end it collects garbage beside a loop that only
// such a signal can stop.
package main

/*
#include <stdlib.h>
static void churn(void)
{
	for (int i = 0; i < 100000; i++) {
		void *volatile p = malloc(100);
		free(p);
	}
}
*/
import "C"
import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	var wg sync.WaitGroup
	end := time.Now().Add(500 * time.Millisecond)
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			for time.Now().Before(end) {
				C.churn()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	var isRunning, isOver int32
	go func() {
		atomic.StoreInt32(&isRunning, 1)
		for atomic.LoadInt32(&isOver) == 0 {
		}
	}()
	for atomic.LoadInt32(&isRunning) == 0 {
		runtime.Gosched()
	}
	runtime.GC()
	atomic.StoreInt32(&isOver, 1)
	fmt.Println("ok")
}
