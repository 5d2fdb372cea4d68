"""The job route in other languages beside its Rust function, each at a path of its own in one host; measures nothing."""
import re
import subprocess

from subjects import ROOT, TARGET, TRM, Subject

LANGUAGES = {"rust": TARGET / "wasm32-wasip2/release/fn_jobs_by_id.wasm",
             "javascript": ROOT / "target/javascript/guest_javascript.wasm",
             "python": ROOT / "target/python/guest_python.wasm",
             "wasi02": TARGET / "wasm32-wasip2/release/guest_wasi02.wasm"}


def subject(like):
    """A host of the four, with the environment of another subject. Builds those that cargo does not."""
    for language in ("javascript", "python"):
        build, guest = ROOT / f"shared/{language}/build", ROOT / f"tests/guests/{language}"
        subprocess.run([build, guest, LANGUAGES[language]], check=True)
    text = (ROOT / "spin.toml").read_text()
    block = re.search(r"^\[component\.jobs-by-id\]$.*?^\n", text, re.M | re.S).group(0)
    variables = re.search(r"^\[variables\]$.*?^\n", text, re.M | re.S).group(0)
    block = re.sub(r'^source = .*$', f'source = "{LANGUAGES["rust"]}"', block, flags=re.M)
    lines = ['spin_manifest_version = 2', '[application]', 'name = "languages"', variables, block,
             '[[trigger.http]]', 'route = "/rust/:id"', 'component = "jobs-by-id"']
    for language, source in LANGUAGES.items():
        if language != "rust":
            lines += ['[[trigger.http]]', f'route = "/{language}/:id"', f'component = "{language}"',
                      f'[component.{language}]', f'source = "{source}"', f'[component.{language}.tool.trm]',
                      f'cache = ["{language}:*", "job:*"]', 'documents = { jobs = "read" }']
    file = ROOT / "target/bench/languages/spin.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    env = {**like.env, "TRM_MANIFEST": str(file)}
    subprocess.run([TRM, "build"], env=env, check=True, stdout=subprocess.DEVNULL)
    return Subject("languages", [TRM, "serve"], env)
