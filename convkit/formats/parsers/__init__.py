"""The parsers that log formats and exports share. A format is an instance of one of these classes, depending on how its lines are written:

- `regex.Template`: one regular expression with a group for each field;
- `clf.CommonLog`: the common log format and its relatives;
- `json_log.JsonLog`: a JSON object per request;
- `key_value.KeyValueLog`: labels and values;
- `w3c.W3cLog`: columns named by a header;
- `delimited.TableFormat`: a table of events; `tool_exports.ToolExport`: the export of a tool that is identified by its columns.

The fields are listed in `fields.FIELDS`. If a parser has a `clean`, it maps each field whose text is encoded to a function that decodes it, such
as `core.escapes.percent_decode`.
"""
