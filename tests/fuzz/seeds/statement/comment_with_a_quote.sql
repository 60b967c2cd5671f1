SELECT 1 +-- '
 1 FROM globex.note -- '