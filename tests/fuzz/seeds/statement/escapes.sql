SELECT E'\'', '\', U&'\0027', B'01', X'1F', N'x', E'a'
'\'' FROM note