//! [`Tree`]: the syntax tree of a text, with all its nodes and tokens in one vector.
//!
//! The parser of squawk gives events. squawk-syntax makes a tree of `rowan` of them, which allocates each node that is
//! looked at: most of the time of compiling a statement. This tree is a vector in the order of the text, a node before
//! what is in it, so that a walk is a loop over it and dropping it takes no stack.

use std::ops::Range;

use squawk_parser::{EntryPoint, LexedStr, StrStep, SyntaxKind};

/// The syntax tree of a text without syntax errors.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    text: &'a str,
    items: Vec<Item>,
}

/// A node or a token.
#[derive(Debug)]
struct Item {
    kind: SyntaxKind,
    is_token: bool,
    /// Place of the node around it. The root has its own.
    parent: u32,
    /// Place after the last item in it.
    end: u32,
    /// Its bytes in the text.
    range: Range<u32>,
}

/// An error of the lexer or the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    /// Byte of the text.
    pub(super) place: usize,
}

impl<'a> Tree<'a> {
    /// Parses a text, of which places fit into 32 bits.
    ///
    /// # Errors
    /// The first [`SyntaxError`] of the text.
    ///
    /// # Panics
    /// If the parser takes too many steps without reading a token.
    pub(super) fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        let lexed = LexedStr::new(text);
        let output = EntryPoint::SourceFile.parse(&lexed.to_input());
        let mut builder = Builder::new(text);
        let is_read = lexed.intersperse_trivia(&output, &mut |step| builder.step(&step));
        let lexer_errors = lexed.errors().map(|(range, message)| SyntaxError {
            message: message.to_owned(),
            place: range.start as usize,
        });
        let unread = (!is_read).then(|| SyntaxError {
            message: "the parser did not read on".to_owned(),
            place: builder.at as usize,
        });
        let errors = builder.error.into_iter().chain(lexer_errors).chain(unread);
        match errors.min_by_key(|error| error.place) {
            Some(error) => Err(error),
            None => Ok(Self {
                text,
                items: builder.items,
            }),
        }
    }

    /// The node of the whole text.
    pub(super) fn root(&self) -> Node<'_> {
        Node { tree: self, place: 0 }
    }

    /// All nodes and tokens, in the order of the text.
    pub(super) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0..self.count()).map(|place| self.element(place))
    }

    fn count(&self) -> u32 {
        self.items.first().map_or(0, |root| root.end)
    }

    fn item(&self, place: u32) -> &Item {
        &self.items[place as usize]
    }

    fn element(&self, place: u32) -> Element<'_> {
        if self.item(place).is_token {
            Element::Token(Token { tree: self, place })
        } else {
            Element::Node(Node { tree: self, place })
        }
    }

    fn range(&self, place: u32) -> Range<usize> {
        let range = &self.item(place).range;
        range.start as usize..range.end as usize
    }
}

/// Bytes of a text for each item, to make room for all at once.
const BYTES_PER_ITEM: usize = 2;

/// Makes the items from the parser's events.
struct Builder {
    items: Vec<Item>,
    /// Place of the node that is open.
    open: u32,
    /// Byte of the text that is read.
    at: u32,
    /// The parser's first error.
    error: Option<SyntaxError>,
}

impl Builder {
    fn new(text: &str) -> Self {
        Self {
            items: Vec::with_capacity(text.len() / BYTES_PER_ITEM),
            open: 0,
            at: 0,
            error: None,
        }
    }

    fn step(&mut self, step: &StrStep<'_>) {
        match *step {
            StrStep::Token { kind, text } => {
                let end = self.at + size(text.len());
                let next = self.next() + 1;
                self.push(kind, true, next, self.at..end);
                self.at = end;
            }
            StrStep::Enter { kind } => {
                let place = self.next();
                self.push(kind, false, place, self.at..self.at);
                self.open = place;
            }
            StrStep::Exit => self.close(),
            StrStep::Error { msg, pos } => {
                self.error.get_or_insert_with(|| SyntaxError {
                    message: msg.to_owned(),
                    place: pos,
                });
            }
        }
    }

    fn next(&self) -> u32 {
        size(self.items.len())
    }

    fn push(&mut self, kind: SyntaxKind, is_token: bool, end: u32, range: Range<u32>) {
        self.items.push(Item {
            kind,
            is_token,
            parent: self.open,
            end,
            range,
        });
    }

    fn close(&mut self) {
        let end = self.next();
        if let Some(node) = self.items.get_mut(self.open as usize) {
            node.end = end;
            node.range.end = self.at;
            self.open = node.parent;
        }
    }
}

/// Texts are shorter than 4 GiB: `limits::check_size` refuses longer ones.
fn size(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// A node or a token of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element<'t> {
    Node(Node<'t>),
    Token(Token<'t>),
}

impl<'t> Element<'t> {
    pub(super) fn kind(self) -> SyntaxKind {
        match self {
            Self::Node(node) => node.kind(),
            Self::Token(token) => token.kind(),
        }
    }

    pub(super) fn into_node(self) -> Option<Node<'t>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Token(_) => None,
        }
    }

    pub(super) fn into_token(self) -> Option<Token<'t>> {
        match self {
            Self::Node(_) => None,
            Self::Token(token) => Some(token),
        }
    }
}

/// A token of a tree, white space and comments among them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    tree: &'t Tree<'t>,
    place: u32,
}

impl<'t> Token<'t> {
    pub(super) fn kind(self) -> SyntaxKind {
        self.tree.item(self.place).kind
    }

    /// Its bytes in the text.
    pub(super) fn text_range(self) -> Range<usize> {
        self.tree.range(self.place)
    }

    pub(super) fn text(self) -> &'t str {
        &self.tree.text[self.text_range()]
    }

    /// The node or token before it, in the same node.
    pub(super) fn prev_sibling_or_token(self) -> Option<Element<'t>> {
        let parent = self.tree.item(self.place).parent;
        let mut place = self.place.checked_sub(1)?;
        if place == parent {
            return None;
        }
        while self.tree.item(place).parent != parent {
            place = self.tree.item(place).parent;
        }
        Some(self.tree.element(place))
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    place: u32,
}

/// Nodes of one tree are the same if their places are.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place && std::ptr::eq(self.tree, other.tree)
    }
}

impl<'t> Node<'t> {
    fn item(self) -> &'t Item {
        self.tree.item(self.place)
    }

    pub(super) fn kind(self) -> SyntaxKind {
        self.item().kind
    }

    /// Its bytes in the text.
    pub(super) fn text_range(self) -> Range<usize> {
        self.tree.range(self.place)
    }

    pub(super) fn parent(self) -> Option<Node<'t>> {
        let parent = self.item().parent;
        (parent != self.place).then_some(Node {
            tree: self.tree,
            place: parent,
        })
    }

    /// Returns the direct children, nodes and tokens.
    pub(super) fn children_with_tokens(self) -> impl Iterator<Item = Element<'t>> {
        let end = self.item().end;
        let mut next = self.place + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let element = self.tree.element(next);
                next = self.tree.item(next).end;
                element
            })
        })
    }

    /// Returns the direct child nodes.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'t>> {
        self.children_with_tokens().filter_map(Element::into_node)
    }

    /// The tokens in it, without those of its nodes.
    pub(super) fn tokens(self) -> impl Iterator<Item = Token<'t>> {
        self.children_with_tokens().filter_map(Element::into_token)
    }

    /// The first child of a kind.
    pub(super) fn child(self, kind: SyntaxKind) -> Option<Node<'t>> {
        self.children().find(|child| child.kind() == kind)
    }

    /// True if a token of a kind is in it, and not in one of its nodes.
    pub(super) fn has_token(self, kind: SyntaxKind) -> bool {
        self.tokens().any(|token| token.kind() == kind)
    }

    pub(super) fn first_child(self) -> Option<Node<'t>> {
        self.children().next()
    }

    pub(super) fn last_child(self) -> Option<Node<'t>> {
        self.children().last()
    }

    /// The first token in it or in its first node. An empty node has none.
    pub(super) fn first_token(self) -> Option<Token<'t>> {
        let mut node = self;
        loop {
            match node.children_with_tokens().next()? {
                Element::Node(first) => node = first,
                Element::Token(token) => return Some(token),
            }
        }
    }

    /// The last token in it, wherever it is.
    pub(super) fn last_token(self) -> Option<Token<'t>> {
        self.descendants_with_tokens().next_back()?.into_token()
    }

    /// Everything in it, in the order of the text.
    pub(super) fn descendants_with_tokens(self) -> impl DoubleEndedIterator<Item = Element<'t>> {
        (self.place + 1..self.item().end).map(move |place| self.tree.element(place))
    }

    /// Walks through the node and the nodes in it.
    pub(super) fn preorder(self) -> Preorder<'t> {
        Preorder {
            root: self,
            inside: None,
            next: self.place,
        }
    }
}

/// A step of a walk through nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum WalkEvent<'t> {
    Enter(Node<'t>),
    Leave(Node<'t>),
}

/// A walk through nodes.
pub(super) struct Preorder<'t> {
    root: Node<'t>,
    /// The node that was entered and not left.
    inside: Option<Node<'t>>,
    /// Place of the next item.
    next: u32,
}

impl Preorder<'_> {
    /// Skips the subtree of the node that was entered last.
    pub(super) fn skip_subtree(&mut self) {
        if let Some(node) = self.inside {
            self.next = node.item().end;
        }
    }
}

impl<'t> Iterator for Preorder<'t> {
    type Item = WalkEvent<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = match self.inside {
            Some(node) => node.item().end,
            None if self.next == self.root.place => self.root.item().end,
            None => return None,
        };
        while self.next < end {
            let place = self.next;
            self.next += 1;
            if let Element::Node(node) = self.root.tree.element(place) {
                self.inside = Some(node);
                return Some(WalkEvent::Enter(node));
            }
        }
        let left = self.inside?;
        self.inside = left.parent().filter(|_| left != self.root);
        Some(WalkEvent::Leave(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 4] = [
        "",
        "SELECT id, f(a, (b)) AS x FROM note AS n -- end",
        "WITH n AS (SELECT 1) SELECT (a).b, U&'!0061' UESCAPE '!' FROM n WHERE (a, b) IN ((1, 2))",
        "INSERT INTO note (id) VALUES (1), (2) RETURNING id",
    ];

    fn place(element: Element<'_>) -> u32 {
        match element {
            Element::Node(node) => node.place,
            Element::Token(token) => token.place,
        }
    }

    fn nodes<'t>(tree: &'t Tree<'_>) -> impl Iterator<Item = Node<'t>> {
        tree.elements().filter_map(Element::into_node)
    }

    #[test]
    fn nodes_and_tokens_know_where_they_are() {
        for text in TEXTS {
            let tree = Tree::parse(text).unwrap();
            assert_eq!(tree.root().parent(), None);
            for node in nodes(&tree) {
                let mut before = None;
                for element in node.children_with_tokens() {
                    match element {
                        Element::Node(child) => assert_eq!(child.parent(), Some(node), "{text}"),
                        Element::Token(token) => {
                            assert_eq!(token.prev_sibling_or_token().map(place), before, "{text}");
                        }
                    }
                    before = Some(place(element));
                }
            }
        }
    }

    #[test]
    fn tokens_are_the_text() {
        for text in TEXTS {
            let tree = Tree::parse(text).unwrap();
            for node in nodes(&tree) {
                let tokens = node.descendants_with_tokens().filter_map(Element::into_token);
                let texts: Vec<_> = tokens.map(Token::text).collect();
                assert_eq!(texts.concat(), text[node.text_range()]);
                assert_eq!(node.first_token().map(Token::text), texts.first().copied());
                assert_eq!(node.last_token().map(Token::text), texts.last().copied());
            }
        }
    }

    /// Each node is left once, after all nodes in it, and what is skipped is not entered.
    #[test]
    fn a_walk_enters_and_leaves_each_node_once() {
        for text in TEXTS {
            let tree = Tree::parse(text).unwrap();
            for root in nodes(&tree) {
                let (mut open, mut entered) = (Vec::new(), Vec::new());
                for event in root.preorder() {
                    match event {
                        WalkEvent::Enter(node) => {
                            assert!(node == root || node.parent() == open.last().copied(), "{text}");
                            open.push(node);
                            entered.push(node.place);
                        }
                        WalkEvent::Leave(node) => assert_eq!(open.pop(), Some(node), "{text}"),
                    }
                }
                let inside = root.descendants_with_tokens().filter_map(Element::into_node);
                let all: Vec<_> = std::iter::once(root)
                    .chain(inside)
                    .map(|node| node.place)
                    .collect();
                assert_eq!((open.len(), entered), (0, all), "{text}");
            }
            let mut walk = tree.root().preorder();
            assert!(walk.next().is_some());
            walk.skip_subtree();
            assert_eq!(walk.next(), Some(WalkEvent::Leave(tree.root())));
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn the_first_error_is_told_with_its_place() {
        let error = Tree::parse("SELECT 1 FROM FROM 'x").unwrap_err();
        assert!(
            error.place >= "SELECT 1 FROM".len() && error.place < "SELECT 1 FROM FROM ".len(),
            "{error:?}"
        );
    }
}
