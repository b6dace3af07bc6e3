"""The prediction log. The way of one row:

1. `prediction_logger.PredictionLogger.record` spools it before the request is answered,
2. `spool.spool.Spool` keeps it on the local disk, in a `spool.file.SpoolFile`,
3. `writing.writer_thread.WriterThread` flushes the spool every half second,
4. `writing.writer.Writer.flush` inserts it with `writing.insertion.insert_if_absent`, commits, and
   removes it from the spool. A row that the database refuses becomes a dead letter.
"""
