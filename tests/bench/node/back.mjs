// Takes back what the write of a benchmark has written, by its title (the one argument), and prints how much that was.
import { MongoClient } from "mongodb";

const client = await MongoClient.connect(process.env.MONGODB_URI, { writeConcern: { w: "majority" } });
const title = process.argv[2];
const taken = async (name, filter) => (await client.db().collection(name).deleteMany(filter)).deletedCount;
console.log(JSON.stringify({ jobs: await taken("jobs", { title }), events: await taken("events", { "data.title": title }) }));
await client.close();
