SELECT E'a' -- c
'\'', (SELECT title FROM globex.note) --'