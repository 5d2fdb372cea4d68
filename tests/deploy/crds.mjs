// Checks the custom resources of rendered manifests, given as JSON on standard input, against the
// schemas of their operators. A kind without a schema here is a failure.
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";

const packages = `${process.argv[2]}/node_modules/@kubernetes-models`;
const from = async (path) => {
  const files = ["index.mjs", "index.js"].map((file) => `${packages}/${path}/${file}`);
  return import(files.find(existsSync));
};
const kinds = {
  "monitoring.coreos.com/v1": "prometheus-operator/monitoring.coreos.com/v1",
  "keda.sh/v1alpha1": "keda/keda.sh/v1alpha1",
  "autoscaling.k8s.io/v1": "autoscaler/autoscaling.k8s.io/v1",
  "external-secrets.io/v1": "external-secrets/external-secrets.io/v1",
};

let failed = 0;
for (const resource of JSON.parse(await text(process.stdin))) {
  const name = `${resource.kind}/${resource.metadata.name}`;
  try {
    const models = await from(kinds[resource.apiVersion] ?? "none");
    const Model = models[resource.kind] ?? models.default?.[resource.kind];
    if (!Model) throw new Error("its kind has no schema");
    new Model(resource).validate();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
