package main

import (
	"archive/tar"
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
)

// statusDir is where images/toolbox/finish.sh leaves what it knows of each package.
const statusDir = "var/lib/dpkg/status.d"

// bom is a list of what an image is made of, in CycloneDX 1.6
// (https://cyclonedx.org/docs/1.6/json/), as far as it is used here.
type bom struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	PURL     string    `json:"purl,omitempty"`
	Supplier *supplier `json:"supplier,omitempty"`
}

type supplier struct {
	Name string `json:"name"`
}

// writeSBOM writes the list of the toolbox's Debian packages, and of the probe in it.
func writeSBOM(file, ref, version, rootfs string) error {
	list, err := packages(rootfs)
	if err != nil {
		return fmt.Errorf("packages of %s: %w", rootfs, err)
	}
	list = append(list, component{Type: "application", Name: "netlook-probe", Version: version})
	slices.SortFunc(list, func(a, b component) int { return cmp.Compare(a.Name, b.Name) })
	data, err := json.MarshalIndent(bom{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:   metadata{component{Type: "container", Name: ref, Version: version}},
		Components: list,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// packages reads them from a root filesystem, a tar with gzip. None is an error.
func packages(rootfs string) (list []component, err error) {
	file, err := os.Open(rootfs)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || path.Dir(path.Clean(header.Name)) != statusDir {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(archive, 1<<16))
		if err != nil {
			return nil, err
		}
		c, err := debian(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is none in %s", statusDir)
	}
	return list, nil
}

// debian is a package by its control fields (deb-control(5)), with the address that
// scanners know it by (https://github.com/package-url/purl-spec, type deb): the
// vulnerabilities of Debian are those of source packages.
func debian(control string) (component, error) {
	field := map[string]string{}
	for line := range strings.Lines(control) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			field[key] = strings.TrimSpace(value)
		}
	}
	name, version := field["Package"], field["Version"]
	if name == "" || version == "" {
		return component{}, errors.New("it has no name or no version")
	}
	purl := "pkg:deb/debian/" + url.QueryEscape(name) + "@" + url.QueryEscape(version) + "?arch=" + url.QueryEscape(field["Architecture"]) + "&distro=trixie"
	if source, of, _ := strings.Cut(field["Source"], " "); source != "" {
		if of = strings.Trim(of, " ()"); of != "" {
			source += "@" + of
		}
		purl += "&upstream=" + url.QueryEscape(source)
	}
	c := component{Type: "library", Name: name, Version: version, PURL: purl}
	if field["Maintainer"] != "" {
		c.Supplier = &supplier{field["Maintainer"]}
	}
	return c, nil
}
