//go:build !linux

package netsys

func eachSocket(uint32, func(Socket)) error { return ErrUnsupported }
