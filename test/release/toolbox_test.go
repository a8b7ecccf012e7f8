//go:build release

package release

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// tools are programs that the toolbox promises, by what there is to look at.
var tools = []string{
	"bash", "ip", "ss", "bridge", "tc", "ethtool", "ping", "tracepath", "traceroute", "mtr", "arping", "ndisc6", "dig", "curl", "openssl",
	"iperf3", "nc", "socat", "telnet", "conntrack", "ipset", "iptables", "ipvsadm", "nft", "tcpdump", "jq", "awk", "sh", "timeout",
}

// tree is what is in an image: content of regular files as far as it is looked at, and
// where links lead.
type tree struct {
	files map[string][]byte
	modes map[string]int64
	links map[string]string
}

func treeOf(t *testing.T, image v1.Image) tree {
	t.Helper()
	x := tree{map[string][]byte{}, map[string]int64{}, map[string]string{}}
	content := mutate.Extract(image)
	defer content.Close()
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return x
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean("/" + header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			x.modes[name] = header.Mode
			limit := int64(64) // the head of a program
			if strings.HasPrefix(name, "/var/lib/dpkg/") || strings.HasPrefix(name, "/usr/local/bin/") {
				limit = 1 << 26
			}
			if x.files[name], err = io.ReadAll(io.LimitReader(archive, limit)); err != nil {
				t.Fatal(err)
			}
		case tar.TypeSymlink:
			x.links[name] = header.Linkname
		case tar.TypeLink:
			x.links[name] = path.Clean("/" + header.Linkname)
		}
	}
}

// resolve follows links, also those of folders, to a file's own name.
func (x tree) resolve(name string) string {
	for range 16 {
		at, found := name, false
		for ; at != "/"; at = path.Dir(at) {
			if to, ok := x.links[at]; ok {
				if !path.IsAbs(to) {
					to = path.Join(path.Dir(at), to)
				}
				name, found = path.Join(to, strings.TrimPrefix(name, at)), true
				break
			}
		}
		if !found {
			return name
		}
	}
	return ""
}

// program is the file that a name on PATH leads to.
func (x tree) program(name string) (string, []byte) {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"} {
		if file := x.resolve(dir + "/" + name); x.files[file] != nil {
			return file, x.files[file]
		}
	}
	return "", nil
}

// TestToolbox: the image of each architecture has the entry, the probe and the tools, as
// programs of that architecture, with the licenses of what is handed out.
func TestToolbox(t *testing.T) {
	version := rendered(t).Spec.Version
	images := imagesOf(t, "toolbox")
	if len(images) != len(arches) {
		t.Errorf("%d images, want %d", len(images), len(arches))
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			image, ok := images[arch]
			if !ok {
				t.Fatal("no image")
			}
			config := configOf(t, image)
			got := []string{config.User, config.Labels["org.opencontainers.image.version"], strings.Join(config.Entrypoint, " ")}
			if diff := cmp.Diff([]string{"65532:65532", version, "/usr/local/bin/netlook-shell"}, got); diff != "" {
				t.Errorf("user, version and entry (-want +got):\n%s", diff)
			}
			x := treeOf(t, image)
			const entry = "/usr/local/bin/netlook-shell"
			if x.modes[entry]&0o111 != 0o111 || !bytes.Equal(x.files[entry], read(t, "..", "..", "images", "toolbox", "files", entry)) {
				t.Errorf("the entry is not ours: mode %o, %d bytes", x.modes[entry], len(x.files[entry]))
			}
			if probe := x.files["/usr/local/bin/netlook-probe"]; probe == nil {
				t.Error("no probe")
			} else {
				checkBuild(t, probe, "linux/"+arch)
			}
			for _, tool := range tools {
				file, head := x.program(tool)
				switch {
				case file == "":
					t.Errorf("no %s", tool)
				case x.modes[file]&0o111 != 0o111:
					t.Errorf("%s, %s, has mode %o", tool, file, x.modes[file])
				case bytes.HasPrefix(head, []byte("#!")): // ours, before Debian's
				default:
					if got := elf.Machine(uint16(at(head, 18)) | uint16(at(head, 19))<<8); !bytes.HasPrefix(head, []byte(elf.ELFMAG)) || got != machine {
						t.Errorf("%s, %s, is for %s", tool, file, got)
					}
				}
			}
			x.checkPackages(t, arch, version)
		})
	}
}

func at(data []byte, i int) byte {
	if i < len(data) {
		return data[i]
	}
	return 0
}

// checkPackages: each package has its copyright file, and stands in the SBOM, alone with
// the probe.
func (x tree) checkPackages(t *testing.T, arch, version string) {
	t.Helper()
	type item struct{ Name, Version string }
	want := map[item]bool{{"netlook-probe", version}: true}
	for file, control := range x.files {
		name, ok := strings.CutPrefix(file, "/var/lib/dpkg/status.d/")
		if !ok {
			continue
		}
		if copyright := x.resolve("/usr/share/doc/" + name + "/copyright"); x.files[copyright] == nil {
			t.Errorf("package %s has no copyright file", name)
		}
		_, after, _ := strings.Cut("\n"+string(control), "\nVersion: ")
		of, _, _ := strings.Cut(after, "\n")
		want[item{name, of}] = true
	}
	if len(want) < len(tools) {
		t.Errorf("only %d packages", len(want))
	}
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []item `json:"components"`
	}
	if err := json.Unmarshal(read(t, dist, "netlook-toolbox_"+version+"_linux_"+arch+".cdx.json"), &bom); err != nil {
		t.Fatal(err)
	}
	got := map[item]bool{}
	for _, c := range bom.Components {
		got[c] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || bom.Format != "CycloneDX" {
		t.Errorf("%s of (-image +SBOM):\n%s", bom.Format, diff)
	}
}
