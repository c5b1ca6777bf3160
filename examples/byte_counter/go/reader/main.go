// Prints every byte that comes out of a FIFO, with nothing but Go's standard library.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	path := "./fifo"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	fifo, err := os.Open(path) // waits for a writer
	if err != nil {
		log.Fatal(err)
	}
	defer fifo.Close()
	for one := make([]byte, 1); ; {
		if _, err := fifo.Read(one); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		fmt.Println("read :", one[0])
	}
}
