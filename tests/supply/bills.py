"""Reads the bills of materials in target/sbom: one for the host and one for each component, each of what it says it is."""
import hashlib
import json
import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
manifest = tomllib.loads((ROOT / "spin.toml").read_text())
artefacts = {name: ROOT / block["source"] for name, block in manifest["component"].items()}
artefacts["trm"] = ROOT / "target/release/trm"
# What each must be made of, and what it must not be: a function holds no host.
HOLDS = {"trm": {"wasmtime", "mongodb", "redis", "hyper"}, "platform": {"trm-documents"}}
for name, artefact in artefacts.items():
    bill = json.loads((ROOT / f"target/sbom/{name}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.5", name
    (digest,) = bill["metadata"]["component"]["hashes"]
    assert digest["content"] == hashlib.sha256(artefact.read_bytes()).hexdigest(), f"{name}: the bill is of another file"
    parts = {part["name"] for part in bill["components"]}
    missing = HOLDS.get(name, {"trm-sdk"}) - parts
    assert not missing, f"{name} does not hold {missing}"
    assert name == "trm" or not parts & {"wasmtime", "mongodb", "tokio"}, name
    assert all(part.get("version") and part.get("purl") for part in bill["components"]), name
print(f"{len(artefacts)} bills belong to their artefacts")
