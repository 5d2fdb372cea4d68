"""A marketplace in whose folder components take each other's place; asks no host."""
import os
import shutil
import subprocess

from cluster import ROOT, TRM

BUILT = ROOT / "target/wasm32-wasip2/release"


def built(name):
    """A component as it was built."""
    return (BUILT / f"{name}.wasm").read_bytes()


class Market:
    """The marketplace's manifest in a folder of its own, with functions whose components stand in `swapped`."""

    def __init__(self, folder):
        self.folder, self.manifest = folder, folder / "spin.toml"
        (folder / "target/trm").mkdir(parents=True)
        (folder / "swapped").mkdir()
        (folder / "ahead").mkdir()
        (folder / "target/wasm32-wasip2").symlink_to(ROOT / "target/wasm32-wasip2")
        # What is compiled already is not compiled again; what is compiled here stays here.
        for artefact in (ROOT / "target/trm").glob("*.cwasm"):
            (folder / "target/trm" / artefact.name).symlink_to(artefact)
        if (index := ROOT / "target/trm/index.json").exists():
            shutil.copy(index, folder / "target/trm")
        self.text = (ROOT / "spin.toml").read_text()

    def swaps(self, name, component, more=""):
        """Has a function of the marketplace served from `swapped`, with grants of the cache that its versions need besides."""
        source = f'[component.{name}]\nsource = "target/wasm32-wasip2/release/fn_{name.replace("-", "_")}.wasm"'
        grants = f"[component.{name}.tool.trm]\ncache = ["
        assert source in self.text and grants in self.text, name
        self.text = self.text.replace(source, f'[component.{name}]\nsource = "swapped/{name}.wasm"')
        self.text = self.text.replace(grants, grants + more)
        self.put(name, component)

    def adds(self, name, component):
        """Adds a function at /name that is granted nothing."""
        self.text += block(name, f"swapped/{name}.wasm")
        self.put(name, component)

    def put(self, name, component):
        """Puts a version into place as a build does it, so that nobody reads half of it."""
        beside = self.folder / f"swapped/{name}.part"
        beside.write_bytes(component)
        os.rename(beside, self.folder / f"swapped/{name}.wasm")

    def compile(self, versions):
        """Compiles all functions and these versions ahead of time."""
        text = self.text
        for number, component in enumerate(versions):
            (self.folder / f"ahead/{number}.wasm").write_bytes(component)
            text += block(f"ahead-{number}", f"ahead/{number}.wasm")
        self.manifest.write_text(self.text)
        ahead = self.folder / "ahead.toml"
        ahead.write_text(text)
        subprocess.run([TRM, "build"], env={**os.environ, "TRM_MANIFEST": str(ahead)}, check=True, stdout=subprocess.DEVNULL)


def block(name, source):
    """A function at /name, as a manifest says it."""
    return f'\n[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n[component.{name}]\nsource = "{source}"\n'
