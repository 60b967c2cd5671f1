//! Kinds of nodes of the syntax tree that a statement may have.

use squawk_parser::SyntaxKind::{self, *};

/// Treatment of a node by the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Says nothing itself: its children are decided on.
    Plain,
    /// The whole text.
    Text,
    /// EXPLAIN, or a change of the schema.
    Statement,
    /// A table or a view.
    Relation,
    /// A call of a function.
    Call,
    /// A name with dots in it.
    Column,
    /// A name alone in an expression.
    Word,
    /// `OF a, b` of a lock.
    LockedTables,
    /// A cast.
    Cast,
    /// A type that is written as a name.
    DataType,
    /// A collation or an operator class.
    Code,
    /// An operator that is not one character or word.
    Operator,
    /// A literal.
    Literal,
    /// A name that a change of the schema makes, changes or drops.
    Definition,
}

/// Returns the treatment of a kind of node, or none for a kind that was not reviewed or that is refused.
pub(super) fn treatment(kind: SyntaxKind) -> Option<Treatment> {
    let treatment = match kind {
        SOURCE_FILE => Treatment::Text,
        EXPLAIN | ALTER_TABLE | ALTER_TYPE | CREATE_INDEX | CREATE_TABLE | CREATE_TYPE | DROP_INDEX
        | DROP_TABLE | DROP_TYPE => Treatment::Statement,
        RELATION_NAME_REF | TABLE_NAME_REF => Treatment::Relation,
        CALL_EXPR => Treatment::Call,
        FIELD_EXPR => Treatment::Column,
        NAME_REF => Treatment::Word,
        LOCKING_OF => Treatment::LockedTables,
        CAST_EXPR => Treatment::Cast,
        PATH_TYPE => Treatment::DataType,
        COLLATION_REF | OP_CLASS_REF => Treatment::Code,
        CUSTOM_OP | OP | OPERATOR_CALL => Treatment::Operator,
        LITERAL => Treatment::Literal,
        CONSTRAINT_NAME_REF | INDEX | INDEX_REF | TABLE_NAME | TYPE_NAME | TYPE_NAME_REF => {
            Treatment::Definition
        }
        kind if is_part_of_query(kind) || is_part_of_schema_change(kind) || is_keyword_function(kind) => {
            Treatment::Plain
        }
        _ => return None,
    };
    Some(treatment)
}

/// True for statements that read or change rows, which may have a `WITH` in front of them.
pub(super) fn is_query(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::SELECT
            | SyntaxKind::COMPOUND_SELECT
            | SyntaxKind::PAREN_SELECT
            | SyntaxKind::VALUES
            | SyntaxKind::TABLE
            | SyntaxKind::INSERT
            | SyntaxKind::UPDATE
            | SyntaxKind::DELETE
            | SyntaxKind::MERGE
    )
}

/// True for functions that have a grammar of their own, such as `extract(year FROM x)`.
pub(super) fn is_keyword_function(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        ALL_FN
            | ANY_FN
            | COLLATION_FOR_FN
            | EXISTS_FN
            | EXTRACT_FN
            | JSON_ARRAY_AGG_FN
            | JSON_ARRAY_FN
            | JSON_EXISTS_FN
            | JSON_FN
            | JSON_OBJECT_AGG_FN
            | JSON_OBJECT_FN
            | JSON_QUERY_FN
            | JSON_SCALAR_FN
            | JSON_SERIALIZE_FN
            | JSON_VALUE_FN
            | OVERLAY_FN
            | POSITION_FN
            | SOME_FN
            | SUBSTRING_FN
            | TRIM_FN
            | XML_ELEMENT_FN
            | XML_EXISTS_FN
            | XML_FOREST_FN
            | XML_PARSE_FN
            | XML_PI_FN
            | XML_ROOT_FN
            | XML_SERIALIZE_FN
    )
}

fn is_part_of_query(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        ALL | ARG
            | ARG_LIST
            | ARRAY_BOUND
            | ARRAY_EXPR
            | ARRAY_TYPE
            | ASYMMETRIC
            | AS_NAME
            | AT_LOCAL
            | AT_TIME_ZONE
            | BETWEEN_EXPR
            | BIN_EXPR
            | BIT_TYPE
            | BIT_VARYING_TYPE
            | BREADTH_FIRST
            | BY_TARGET
            | CASE_EXPR
            | CHARACTER_TYPE
            | COLLATE
            | COLON_COLON
            | COLUMN_DEF
            | COLUMN_DEF_LIST
            | COLUMN_LIST
            | COLUMN_NAME
            | COLUMN_NAME_REF
            | COLUMN_REF_LIST
            | COLUMN_TARGET
            | COLUMN_TARGET_LIST
            | COMPOSITE_FIELD_REF
            | COMPOUND_SELECT
            | CONFLICT_DO_NOTHING
            | CONFLICT_DO_UPDATE_SET
            | CONFLICT_INDEX_ITEM
            | CONFLICT_INDEX_ITEM_LIST
            | CONFLICT_ON_CONSTRAINT
            | CONFLICT_ON_INDEX
            | CTE_NAME
            | CURRENT_ROW
            | CYCLE_CLAUSE
            | CYCLE_COLUMNS
            | CYCLE_COLUMN_TO
            | CYCLE_DEFAULT
            | CYCLE_PATH
            | CYCLE_SET_COLUMN
            | DEFAULT_VALUES
            | DELETE
            | DEPTH_FIRST
            | DISTINCT
            | DISTINCT_CLAUSE
            | DISTINCT_ON
            | DOUBLE_TYPE
            | ELEMENT_TAG
            | ELSE_CLAUSE
            | EMPTY_STMT
            | EXCEPT
            | EXPLAIN_ANALYZE
            | EXPLAIN_OPTION
            | EXPLAIN_OPTION_LIST
            | EXPLAIN_OPTION_NAME
            | EXPLAIN_OPTION_VALUE
            | EXPLAIN_VERBOSE
            | EXPR_AS_ELEMENT_TAG
            | EXPR_AS_ELEMENT_TAG_LIST
            | EXPR_AS_XML_ATTR
            | EXPR_AS_XML_ATTR_LIST
            | EXPR_FOLLOWING
            | EXPR_FROM_ITEM
            | EXPR_PRECEDING
            | EXTRACT_FIELD_LITERAL
            | EXTRACT_FIELD_NAME
            | FETCH_CLAUSE
            | FETCH_ONLY
            | FIELD_ACCESSOR
            | FILTER_CLAUSE
            | FOR_KEY_SHARE
            | FOR_NO_KEY_UPDATE
            | FOR_SHARE
            | FOR_UPDATE
            | FRAME_BETWEEN
            | FRAME_CLAUSE
            | FRAME_EXCLUDE
            | FRAME_GROUPS
            | FRAME_RANGE
            | FRAME_ROWS
            | FROM_ALIAS
            | FROM_CLAUSE
            | FUNCTION_FROM_ITEM
            | GROUP
            | GROUPING_CUBE
            | GROUPING_EXPR
            | GROUPING_ROLLUP
            | GROUPING_SETS
            | GROUP_BY_CLAUSE
            | GROUP_BY_LIST
            | HAVING_CLAUSE
            | IGNORE_NULLS
            | INDENT
            | INDEX_ACCESSOR
            | INDEX_EXPR
            | INSERT
            | INTERSECT
            | INTERVAL_DAY
            | INTERVAL_HOUR
            | INTERVAL_MINUTE
            | INTERVAL_MONTH
            | INTERVAL_SECOND
            | INTERVAL_TYPE
            | INTERVAL_YEAR
            | IS_DISTINCT_FROM
            | IS_JSON
            | IS_JSON_ARRAY
            | IS_JSON_OBJECT
            | IS_JSON_SCALAR
            | IS_JSON_VALUE
            | IS_NORMALIZED
            | IS_NOT
            | IS_NOT_DISTINCT_FROM
            | IS_NOT_JSON
            | IS_NOT_JSON_ARRAY
            | IS_NOT_JSON_OBJECT
            | IS_NOT_JSON_SCALAR
            | IS_NOT_JSON_VALUE
            | IS_NOT_NORMALIZED
            | JOIN
            | JOIN_CROSS
            | JOIN_EXPR
            | JOIN_FULL
            | JOIN_INNER
            | JOIN_LEFT
            | JOIN_RIGHT
            | JOIN_USING_CLAUSE
            | JSON_ABSENT_ON_NULL
            | JSON_BEHAVIOR_DEFAULT
            | JSON_BEHAVIOR_EMPTY_ARRAY
            | JSON_BEHAVIOR_EMPTY_OBJECT
            | JSON_BEHAVIOR_ERROR
            | JSON_BEHAVIOR_FALSE
            | JSON_BEHAVIOR_NULL
            | JSON_BEHAVIOR_TRUE
            | JSON_BEHAVIOR_UNKNOWN
            | JSON_ENCODING
            | JSON_ENCODING_CLAUSE
            | JSON_EXPR_FORMAT
            | JSON_FORMAT_CLAUSE
            | JSON_KEY_VALUE
            | JSON_NULL_ON_NULL
            | JSON_ON_EMPTY_CLAUSE
            | JSON_ON_ERROR_CLAUSE
            | JSON_PASSING_ARG
            | JSON_PASSING_CLAUSE
            | JSON_PATH_CLAUSE
            | JSON_PATH_NAME
            | JSON_PATH_NAME_CLAUSE
            | JSON_QUOTES_CLAUSE
            | JSON_RETURNING_CLAUSE
            | JSON_SELECT_FORMAT
            | JSON_TABLE
            | JSON_TABLE_COLUMN_LIST
            | JSON_TABLE_EXISTS_COLUMN
            | JSON_TABLE_FROM_ITEM
            | JSON_TABLE_NESTED_COLUMN
            | JSON_TABLE_ORDINALITY_COLUMN
            | JSON_TABLE_VALUE_COLUMN
            | JSON_VALUE_EXPR
            | JSON_VARIABLE_NAME
            | JSON_WITHOUT_UNIQUE_KEYS
            | JSON_WITHOUT_WRAPPER
            | JSON_WITH_CONDITIONAL_WRAPPER
            | JSON_WITH_UNCONDITIONAL_WRAPPER
            | JSON_WITH_UNIQUE_KEYS
            | KEEP_QUOTES
            | LIMIT_CLAUSE
            | LOCKING_CLAUSE
            | MATERIALIZED
            | MERGE
            | MERGE_CONDITION
            | MERGE_DELETE
            | MERGE_DO_NOTHING
            | MERGE_INSERT
            | MERGE_UPDATE
            | MERGE_WHEN_MATCHED
            | MERGE_WHEN_NOT_MATCHED_SOURCE
            | MERGE_WHEN_NOT_MATCHED_TARGET
            | NAMED_ARG
            | NOT_ILIKE
            | NOT_IN
            | NOT_LIKE
            | NOT_MATERIALIZED
            | NOT_SIMILAR_TO
            | NOWAIT
            | NO_INDENT
            | NO_OTHERS
            | NULLS_FIRST
            | NULLS_LAST
            | OFFSET_CLAUSE
            | OMIT_QUOTES
            | ON_CLAUSE
            | ON_CONFLICT_CLAUSE
            | ON_SCALAR_STRING
            | OPTIONAL_AS_ALIAS
            | OPTION_DEFAULT
            | OPTION_NOT_NULL
            | OPTION_NULL
            | OPTION_PATH
            | ORDER_BY_CLAUSE
            | OVERLAY_EXPRS
            | OVERLAY_PLACING
            | OVERRIDING_SYSTEM_VALUE
            | OVERRIDING_USER_VALUE
            | OVER_CLAUSE
            | OVER_WINDOW_SPEC
            | PARAM_NAME_REF
            | PAREN_EXPR
            | PAREN_FROM_ITEM
            | PAREN_SELECT
            | PARTITION_BY_CLAUSE
            | POSTFIX_EXPR
            | PREFIX_EXPR
            | PRESERVE_WHITESPACE
            | RELATION_FROM_ITEM
            | RELATION_NAME
            | REPEATABLE_CLAUSE
            | REQUIRED_AS_ALIAS
            | RESPECT_NULLS
            | RETURNING_CLAUSE
            | RETURNING_NEW
            | RETURNING_OLD
            | RETURNING_OPTION_LIST
            | ROW
            | ROWS_FROM_ARG
            | ROWS_FROM_ITEM
            | ROW_LIST
            | SEARCH_CLAUSE
            | SEARCH_COLUMNS
            | SEARCH_SET_COLUMN
            | SELECT
            | SELECT_CLAUSE
            | SET_CLAUSE
            | SET_COLUMN_LIST
            | SET_EXPR
            | SET_EXPR_LIST
            | SET_MULTIPLE_COLUMNS
            | SET_SINGLE_COLUMN
            | SIMILAR_TO
            | SKIP_LOCKED
            | SLICE_ACCESSOR
            | SLICE_EXPR
            | SORT_ASC
            | SORT_BY
            | SORT_BY_LIST
            | SORT_DESC
            | SORT_USING
            | STANDALONE_NO
            | STANDALONE_NO_VALUE
            | STANDALONE_YES
            | STRIP_WHITESPACE
            | SUBSTRING_EXPRS
            | SUBSTRING_FOR_FROM
            | SUBSTRING_FROM_FOR
            | SUBSTRING_SIMILAR_ESCAPE
            | SYMMETRIC
            | TABLE
            | TABLESAMPLE_CLAUSE
            | TABLE_ALIAS
            | TABLE_RELATION_NAME
            | TARGET
            | TARGET_LIST
            | TIES
            | TIMESTAMP_TYPE
            | TIME_TYPE
            | TRIM_BOTH
            | TRIM_EXPRS
            | TRIM_EXPR_FROM
            | TRIM_FROM
            | TRIM_LEADING
            | TRIM_TRAILING
            | TUPLE_EXPR
            | UNBOUNDED_FOLLOWING
            | UNBOUNDED_PRECEDING
            | UNICODE_NORMAL_FORM
            | UNION
            | UPDATE
            | USING_CLAUSE
            | USING_ON_CLAUSE
            | VALUES
            | VARCHAR_TYPE
            | WHEN_CLAUSE
            | WHEN_CLAUSE_LIST
            | WHERE_CLAUSE
            | WINDOW
            | WINDOW_CLAUSE
            | WINDOW_DEF
            | WINDOW_REF
            | WINDOW_SPEC
            | WITHIN_CLAUSE
            | WITHOUT_TIMEZONE
            | WITH_CLAUSE
            | WITH_ORDINALITY
            | WITH_TABLE
            | WITH_TIES
            | WITH_TIMEZONE
            | XML_ATTR
            | XML_COLUMN_OPTION_LIST
            | XML_CONTENT
            | XML_DOCUMENT
            | XML_NAMESPACE
            | XML_NAMESPACE_LIST
            | XML_NAMESPACE_PREFIX
            | XML_PASSING_DOC
            | XML_PASSING_MECH_BY_REF
            | XML_PASSING_MECH_BY_VALUE
            | XML_PI_TARGET
            | XML_ROW_PASSING_CLAUSE
            | XML_TABLE
            | XML_TABLE_COLUMN
            | XML_TABLE_COLUMN_LIST
            | XML_TABLE_FROM_ITEM
            | XML_VERSION_EXPR
            | XML_VERSION_NO_VALUE
    )
}

fn is_part_of_schema_change(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        ACCESS_METHOD_REF
            | ADD_COLUMN
            | ADD_CONSTRAINT
            | ADD_VALUE
            | AFTER_VALUE
            | ALTER_COLUMN
            | BEFORE_VALUE
            | CASCADE
            | CHECK_CONSTRAINT
            | COLUMN
            | CONSTRAINT_COLUMN_REF_LIST
            | CONSTRAINT_INCLUDE_CLAUSE
            | CONSTRAINT_NAME
            | CONSTRAINT_NAME_CLAUSE
            | DEFAULT_CONSTRAINT
            | DEFERRABLE_CONSTRAINT_OPTION
            | DROP_COLUMN
            | DROP_CONSTRAINT
            | DROP_DEFAULT
            | DROP_NOT_NULL
            | ENFORCED
            | ENUM_TYPE
            | FOREIGN_KEY_COLUMN_LIST
            | FOREIGN_KEY_CONSTRAINT
            | GENERATED_ALWAYS
            | GENERATED_BY_DEFAULT
            | GENERATED_CONSTRAINT
            | GENERATED_IDENTITY
            | GENERATED_STORED
            | IF_EXISTS
            | IF_NOT_EXISTS
            | INDEX_INCLUDE_CLAUSE
            | INDEX_PARAMETERS
            | INITIALLY_DEFERRED_CONSTRAINT_OPTION
            | INITIALLY_IMMEDIATE_CONSTRAINT_OPTION
            | MATCH_FULL
            | MATCH_PARTIAL
            | MATCH_SIMPLE
            | NOT_DEFERRABLE_CONSTRAINT_OPTION
            | NOT_ENFORCED
            | NOT_NULL_CONSTRAINT
            | NOT_VALID
            | NO_ACTION
            | NO_INHERIT
            | NULLS_DISTINCT
            | NULLS_NOT_DISTINCT
            | NULL_CONSTRAINT
            | ON_DELETE_ACTION
            | ON_UPDATE_ACTION
            | PARTITION_ITEM
            | PARTITION_ITEM_LIST
            | PRIMARY_KEY_CONSTRAINT
            | REFERENCES_CONSTRAINT
            | RENAME_COLUMN
            | RENAME_CONSTRAINT
            | RENAME_VALUE
            | RESTRICT
            | SET_DEFAULT
            | SET_DEFAULT_COLUMNS
            | SET_NOT_NULL
            | SET_NULL_COLUMNS
            | SET_TYPE
            | STORED
            | TABLE_ARG_LIST
            | TABLE_RENAME_TO
            | TYPE_RENAME_TO
            | UNIQUE_CONSTRAINT
            | USING_EXPR
            | USING_METHOD
            | VALIDATE_CONSTRAINT
            | VARIANT
            | VARIANT_LIST
            | VIRTUAL
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds that are refused, one a line.
    const REFUSED: &str = include_str!("refused_kinds.txt");

    fn kinds() -> impl Iterator<Item = SyntaxKind> {
        let all = (WHITESPACE as u16 + 1)..(SyntaxKind::__LAST as u16);
        all.map(SyntaxKind::from)
    }

    /// A new version of the grammar brings new kinds, each of which belongs into a list after a review.
    #[test]
    fn each_kind_of_node_is_allowed_or_refused() {
        let refused: Vec<&str> = REFUSED.lines().collect();
        for kind in kinds() {
            let name = format!("{kind:?}");
            let is_refused = refused.contains(&&*name);
            assert_ne!(
                treatment(kind).is_some(),
                is_refused,
                "{name} is in no list, or in both"
            );
        }
        let known: Vec<String> = kinds().map(|kind| format!("{kind:?}")).collect();
        for name in refused {
            assert!(
                known.iter().any(|kind| kind == name),
                "{name} is no kind of node any more"
            );
        }
    }
}
