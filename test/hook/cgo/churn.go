// SPDX-License-Identifier: Apache-2.0
//
// A Go program that calls C: its runtime installs its own signal handlers (for
// SIGURG, too, by which it stops its threads) by raw system calls, and starts
// threads past every hook.
package main

/*
#include <stdlib.h>
static void churn(void) { for (int i = 0; i < 100000; i++) free(malloc(100)); }
*/
import "C"
import (
	"fmt"
	"sync"
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
	fmt.Println("ok")
}
