"""The parsers that log formats and exports share. A format is an object of one of these classes, by how its lines are written:

- `regex.Template`: one regular expression with a group for each field;
- `clf.CommonLog`: the common log format and its relatives;
- `json_log.JsonLog`: a JSON object per request;
- `key_value.KeyValueLog`: labels and values;
- `w3c.W3cLog`: columns that a header names;
- `delimited.TableFormat`: a table of events; `tool_exports.ToolExport`: the export of a tool that its columns identify.

The fields are those of `fields.FIELDS`. Where a parser takes `clean`, it maps fields whose text is encoded to a function such as
`core.escapes.percent_decode`.
"""
