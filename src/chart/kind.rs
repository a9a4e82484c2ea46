//! The ways to draw a Table, and which of them make sense for it. Knows nothing of drawing.

use mailtally_model::{By, Table};

/// A way to draw a Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChartKind {
    Line,
    Area,
    StackedArea,
    Column,
    StackedColumn,
    /// A Mode's rows as lying bars.
    Bar,
    /// A ring for each additive column of a Mode.
    Share,
}

impl ChartKind {
    pub const ALL: [ChartKind; 7] = [
        ChartKind::Line,
        ChartKind::Area,
        ChartKind::StackedArea,
        ChartKind::Column,
        ChartKind::StackedColumn,
        ChartKind::Bar,
        ChartKind::Share,
    ];

    /// The word in URLs.
    pub fn id(self) -> &'static str {
        match self {
            ChartKind::Line => "line",
            ChartKind::Area => "area",
            ChartKind::StackedArea => "stacked-area",
            ChartKind::Column => "column",
            ChartKind::StackedColumn => "stacked-column",
            ChartKind::Bar => "bar",
            ChartKind::Share => "share",
        }
    }

    /// The word on the screen.
    pub fn label(self) -> &'static str {
        match self {
            ChartKind::Line => "Line",
            ChartKind::Area => "Area",
            ChartKind::StackedArea => "Stacked area",
            ChartKind::Column => "Column",
            ChartKind::StackedColumn => "Stacked column",
            ChartKind::Bar => "Bar",
            ChartKind::Share => "Share",
        }
    }

    pub fn from_id(id: &str) -> Option<ChartKind> {
        ChartKind::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// The kinds that a Mode has, the first one by default.
    pub fn of_mode(by: By) -> &'static [ChartKind] {
        match by {
            By::Time => &ChartKind::ALL[..5],
            By::Domains | By::Users | By::Services => &ChartKind::ALL[5..],
        }
    }

    /// The kinds that a Table can be drawn as, the first one by default. Share needs a column whose rows add up to
    /// its total.
    pub fn offered(table: &Table) -> impl Iterator<Item = ChartKind> + use<> {
        let shares = table.columns.iter().any(|column| column.column.is_additive());
        ChartKind::of_mode(table.by).iter().copied().filter(move |kind| shares || *kind != ChartKind::Share)
    }

    /// This kind if it is offered for the table, else the default one: a link may carry the kind of another Mode.
    pub fn or_default(self, table: &Table) -> ChartKind {
        let mut offered = ChartKind::offered(table);
        let first = offered.next().unwrap_or(ChartKind::Bar);
        if self == first || offered.any(|kind| kind == self) { self } else { first }
    }

    /// Whether rows are steps from left to right.
    pub fn is_trend(self) -> bool {
        ChartKind::of_mode(By::Time).contains(&self)
    }

    /// Whether columns stand on each other.
    pub fn is_stacked(self) -> bool {
        matches!(self, ChartKind::StackedArea | ChartKind::StackedColumn)
    }
}
