"""The parts of the test suite: what each proves, what it needs, and how long it takes. Runs nothing."""
import dataclasses

# What `./tests/run` runs when it is given a set instead of parts.
SETS = {
    "default": "proves the product: what `./tests/run` runs without arguments",
    "lint": "formatting, lints and documentation without warnings",
    "rest": "slower or rarer tests: what `./tests/run all` runs besides the default set",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """One part. `part_of` is a set, or `build` for a step that other parts depend on."""
    name: str
    part_of: str
    what: str
    command: tuple
    # Estimated seconds on two cores: when all is built and fetched, and how much longer the first time takes.
    seconds: int
    first: int = 0
    # Names in needs.NEEDS.
    needs: tuple = ()
    # Build steps that must have succeeded.
    after: tuple = ()
    # Whether it gets TEST_REDIS_URL and TEST_MONGODB_URI.
    servers: bool = False
    # A part that mostly waits, so that this one may run at the same time; what computes there is NICE.
    beside: str = ""

    @property
    def timeout(self):
        """After this many seconds it is stopped and counts as failed."""
        return max(180, 3 * (self.seconds + self.first))


CARGO = ("tests/runner/cargo",)
# For what computes beside a part that mostly waits.
NICE = ("nice", "-n", "10")
# What several parts need.
STORES = ("redis", "mongod")
DEPLOY = ("root", "network-namespaces", "node", *STORES, "nginx", "haproxy", "prometheus", "openssl", "iproute", "test-python",
          "checkov", "deploy-node")
CHAOS = ("root", "network-namespaces", *STORES, "sentinel", "iproute", "faketime", "test-python")
HOST = ("functions", "host", "artefacts")
GUESTS = ("functions", "guests", "host", "artefacts")
TESTS = ("functions", "guests", "host", "artefacts", "test-programs")

# In the order in which they run.
PARTS = (
    Part("fmt", "default", "formatting of all Rust code", (*CARGO, "fmt"), 4, needs=("rust",)),
    Part("runner", "default", "the test runner's own tests; README.md and `list` agree", ("tests/runner/selftest.py",), 5),
    Part("documents", "default", "prose within its limits, links that lead somewhere, tables that agree with the code",
         ("tests/docs/documents.py",), 3),
    Part("clippy", "lint", "lints of the host, functions and guests, warnings are errors", (*CARGO, "clippy"), 20, 220, ("wasm",)),
    Part("rustdoc", "lint", "cargo doc, warnings are errors", (*CARGO, "rustdoc"), 15, 60, ("rust",)),

    Part("functions", "build", "compiles the functions and the platform component", (*CARGO, "functions"), 2, 60, ("wasm",)),
    Part("guests", "build", "compiles the guests that misbehave", (*CARGO, "guests"), 2, 40, ("wasm",)),
    Part("host", "build", "compiles the host and the tests' own programs", (*CARGO, "host"), 2, 370, ("rust",)),
    Part("artefacts", "build", "compiles the components ahead of time: trm build", ("target/release/trm", "build"), 2, 13,
         after=("functions", "host")),
    Part("production", "build", "compiles the host and a function as the image does", (*CARGO, "production"), 2, 600, ("wasm",)),
    Part("test-programs", "build", "compiles the tests that cargo runs", (*CARGO, "test-programs"), 3, 130, ("rust",)),

    Part("tidy", "default", "rules about the source tree that Cargo cannot express", (*CARGO, "test", "--test", "tidy"), 2,
         after=TESTS),
    Part("sizes", "default", "what a use of the SDK adds to the size of a component", ("tests/docs/sizes.py",), 2, 20, ("wasm",),
         ("functions",)),
    Part("units", "default", "unit tests of every crate", (*CARGO, "test", "--lib", "--bins"), 15, needs=STORES, after=TESTS,
         servers=True),
    Part("doctests", "default", "examples in the documentation of the crates", (*CARGO, "test", "--doc"), 15, 10, after=TESTS),
    Part("integration", "default", "the API and the host over HTTP, on SQLite and on real Redis and MongoDB",
         (*CARGO, "test", "--test", "integration"), 180, 40, (*STORES, "node"), TESTS, servers=True),
    Part("staleness", "default", "no value is served beyond its staleness bound", (*CARGO, "test", "--test", "staleness"), 30,
         needs=STORES, after=TESTS, servers=True),
    Part("console", "default", "the console in a real browser", ("tests/console/run",), 60, 0,
         ("node", "chromium", "playwright"), GUESTS),
    Part("deploy", "default", "manifests, image recipe, alerts and runbooks, read by the tools that use them",
         ("tests/deploy/run",), 140, 0, DEPLOY, GUESTS),
    Part("protocol", "default", "hostile HTTP/1.1 and HTTP/2 clients", ("tests/protocol/run", "http1", "http2", "slow"), 130,
         needs=("nginx", "openssl", "test-python"), after=GUESTS, beside="deploy"),
    Part("chaos", "default", "stores, hosts, disks and clocks that fail under load: one scenario of each kind",
         ("tests/chaos/run",), 210, needs=CHAOS, after=GUESTS),
    Part("http-cache", "default", "HTTP cache conformance (http-cache-tests)", ("tests/http-cache/run",), 30, 0,
         (*STORES, "node", "http-cache-tests"), GUESTS, servers=True, beside="console"),
    Part("models", "default", "single flight under a scheduler that tries interleavings", (*NICE, "tests/models/run"), 20, 30,
         beside="deploy"),
    Part("fuzz-light", "default", "every fuzz target on its corpus and on mutations of it, without a fuzzer",
         (*NICE, "tests/fuzz/run", "light"), 30, 60, beside="deploy"),

    Part("instructions", "rest", "instruction counts of warm requests against their budgets, in a production build",
         ("tests/bench/instructions.py",), 15, needs=("valgrind",), after=("host", "production")),
    Part("composed", "rest", "the API's tests on plain Wasmtime, and on Spin if it is installed", ("tests/composed/run",), 200,
         after=TESTS),
    Part("overload", "rest", "requests beyond a function's capacity are refused cheaply", ("tests/protocol/run", "load"), 40,
         needs=("nginx", "openssl", "test-python"), after=GUESTS),
    Part("image", "rest", "the image, built and run", ("tests/deploy/run", "image"), 40, 20, (*DEPLOY, "buildah"), GUESTS),
    Part("supply-chain", "rest", "licences, advisories, bills of materials", ("tests/supply/run",), 30, 240,
         ("cargo-deny", "cargo-cyclonedx"), HOST),
    Part("schemathesis", "rest", "generated requests against the OpenAPI description", ("tests/schemathesis/run",), 240, 30,
         (*STORES, "curl", "node", "schemathesis", "redocly"), HOST, servers=True),
    Part("soak", "rest", "memory, descriptors and p99 stay flat for 90 seconds of load", ("tests/load/soak", "90s"), 95,
         needs=(*STORES, "test-python"), after=HOST),
    Part("deploy-live", "rest", "each alert fires by its cause; MongoDB's members join", ("tests/deploy/run", "mongodb_set", "live"),
         110, needs=DEPLOY, after=GUESTS),
    Part("mutants", "rest", "a short list of mutants, each of which a unit test must notice", ("tests/analysis/run", "mutants", "short"),
         300, 240, ("cargo-mutants",)),
    Part("scaling", "rest", "what one core serves, driven through the autoscaler", ("tests/scaling/run",), 40,
         needs=(*STORES, "wrk", "test-python"), after=HOST),
    Part("load", "rest", "the k6 and the Artillery test meet their thresholds", ("tests/load/run",), 80, 40,
         ("node", "k6", "artillery"), HOST),
    Part("fuzz", "rest", "every fuzz target for 30 seconds under AddressSanitizer", ("tests/fuzz/run", "30"), 500, 300,
         ("nightly", "cargo-fuzz")),
    Part("chaos-all", "rest", "every chaos scenario", ("tests/chaos/run", "all"), 1200, needs=CHAOS, after=GUESTS),
    Part("miri", "rest", "unit tests of the cache and the allocator under Miri", ("tests/analysis/run", "miri"), 200, 100, ("miri",)),
)

BY_NAME = {part.name: part for part in PARTS}


def of(name):
    """The parts of a set, in order."""
    return [part for part in PARTS if part.part_of == name]


def with_builds(chosen):
    """These parts and the build steps that they depend on, in the order in which they run."""
    steps = {name for part in chosen for name in part.after}
    steps |= {name for step in steps for name in BY_NAME[step].after}
    return [part for part in PARTS if part in chosen or part.name in steps]
