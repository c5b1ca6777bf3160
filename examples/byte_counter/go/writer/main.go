// Writes 0, 1, ... 255, 0 ... into a FIFO, with nothing but Go's standard library.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	interval := flag.Duration("interval", time.Second, "pause between two bytes")
	count := flag.Int("count", -1, "end after so many bytes; -1: go on for ever")
	flag.Parse()
	path := "./fifo"
	if flag.NArg() > 0 {
		path = flag.Arg(0)
	}
	fifo, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for a reader
	if err != nil {
		log.Fatal(err)
	}
	defer fifo.Close()
	for i := 0; i != *count; i++ {
		if i > 0 {
			time.Sleep(*interval)
		}
		if _, err := fifo.Write([]byte{byte(i)}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(byte(i), "written to the fifo")
	}
}
