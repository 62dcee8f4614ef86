// Package datasetsync makes a dataset equal to a sequence of records, usually those of a JSONL
// file:
//
//	want := mistralobs.ReadJSONL(file)
//	report, err := datasetsync.Sync(ctx, client, datasetID, want, datasetsync.Options{Key: "id", Delete: true})
//
// The records of the sequence are the wanted records. [Diff] compares them with the dataset and
// returns a [Plan]: the records to create, update and delete. A plan can be printed as text and
// saved as JSON. [Plan.Apply] makes the changes, at once or later in another process that gets the
// plan from [ReadPlan]. [Sync] does both in one call.
//
// # Memory
//
// Diff first reads the dataset and keeps digests of its records. With the room that the garbage
// collector needs, a process grows by about 320 bytes per record. Then Diff reads the wanted
// records one by one. It keeps only those that Apply has to send: in memory up to 4 MiB, then in a
// temporary file in [os.TempDir]. For each of them, a plan takes less than 200 bytes of memory.
//
// # Changes by others
//
// If somebody adds or deletes a record while Diff or Apply reads the dataset, later pages of the
// list shift. So both check every pass over the list. Each page must report the same total, no
// record may appear twice, and the number of records must equal the total. The last record of the
// list must be the same before and after. If a check fails, they read the list again. After three
// passes that fail, the error is [ErrDatasetChanging]. If the dataset has several pages, these
// checks take two more requests per pass.
//
// Apply reads each record again before it updates or deletes it. If somebody has changed the
// record, Apply leaves it alone. The service has no conditional requests, so Apply overwrites a
// change that is made between this read and the write. How much time passes between them depends
// on the change:
//
//   - An update is written directly after the read, with one or two requests. Each of them is
//     sent once. If it fails in a way that may be repeated, Apply reads the record again first, up
//     to five times in all.
//   - Deletions are made in batches of [Options.Concurrency]. Apply reads the records of a batch
//     concurrently and then deletes them with one request. If there are more deletions than the
//     dataset has pages, Apply reads the whole dataset first, and then deletes all records in
//     batches of 500. Before a request is sent again, Apply reads its records again.
//   - Before creations, Apply reads the whole dataset, and Sync relies on its comparison. If two
//     programs create the same record after that, the dataset has it twice.
package datasetsync
