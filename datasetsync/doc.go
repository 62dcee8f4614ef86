// Package datasetsync compares a dataset with a file of records and makes the dataset equal to it.
//
// [Diff] returns a [Plan]: the records to create, update and delete. A plan prints as text, marshals to JSON for
// review, and is carried out by [Plan.Apply], at once or later by another process ([ReadPlan]). [Sync] does both in one
// call.
//
// The dataset is read first and kept as digests, about 100 bytes per record. The wanted records are then streamed
// against it. Only records that must be written are kept: in memory up to 16 MB, then in a temporary file.
//
// A page of a list is cut at the time of its request, so a record that somebody adds or deletes
// during a reading shifts the later pages. Diff and Apply therefore compare the total of every page
// with the records that they read, and the last record before the reading with the last that they
// read. If these differ, they read the dataset again, at most three times, and then return
// [ErrDatasetChanging]. For a dataset of several pages this takes two more requests.
//
// Apply reads each record again before it updates or deletes it, and leaves it alone if somebody has changed it. The
// service has no conditional requests, so a small window remains between this reading and the write:
//
//   - for an update, and for up to one deletion per page of the dataset, it is the time of a request or two;
//   - for more deletions than the dataset has pages, it is the time of one walk over the dataset and of the requests
//     that delete;
//   - for creations, it is the time since the dataset was last read as a whole.
package datasetsync
