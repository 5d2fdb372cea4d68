//! Lists as every route answers them: pages, cursors, sorting, fields; knows no collection's meaning.

use crate::documents::{Collection, Find};
use crate::kept;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::Request;
use crate::response::{Answer, Response};
use crate::response::{json_bytes, to_json};
use crate::view;
use bson::{Document, RawDocumentBuf, doc};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};

/// The most entries of one page, and how many where the client does not say.
const MOST: u32 = 100;
const USUAL: u32 = 20;
/// Paging by number ends here; a cursor goes on. The score of each match before a ranked page is computed.
const MAX_PAGE: u32 = 10_000;
const MAX_RANKED_PAGE: u32 = 1_000;

/// What part of a list a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    page: u32,
    limit: u32,
    cursor: Option<String>,
    sort: Document,
    projection: Option<Document>,
}

impl Listing {
    /// The parameters that it reads.
    pub const PARAMETERS: [&'static str; 5] = ["page", "limit", "sort", "fields", "cursor"];

    /// Reads them. `sort` and `fields` may name only what is given here.
    pub fn read(
        query: &Query,
        sortable: &[&str],
        fields: &[&str],
        usual_sort: &str,
    ) -> Result<Self, Problem> {
        if query.get("page").is_some() && query.get("cursor").is_some() {
            return Err(Problem::unusable(
                "cursor",
                "give \"page\" or \"cursor\", not both",
            ));
        }
        let mut sort = Document::new();
        for part in query.get("sort").unwrap_or(usual_sort).split(',') {
            let (name, way) = match part.strip_prefix('-') {
                Some(name) => (name, -1),
                None => (part, 1),
            };
            if !sortable.contains(&name) || sort.insert(name, way).is_some() {
                let detail = format!(
                    "\"{part}\" is not a field to sort by; known are: {}, each once, with - before it for descending",
                    sortable.join(", ")
                );
                return Err(Problem::parameter("sort", detail));
            }
        }
        let projection = query
            .get("fields")
            .map(|names| project(names, fields))
            .transpose()?;
        Ok(Self {
            page: query.number("page", 1, 1, MAX_PAGE)?,
            limit: query.number("limit", USUAL, 1, MOST)?,
            cursor: query.get("cursor").map(str::to_owned),
            sort,
            projection,
        })
    }

    /// The parameters that `ranked` reads.
    pub const RANKED: [&'static str; 3] = ["page", "limit", "fields"];

    /// Reads those of a list in the order of its text score, the best first, which has no cursor. The
    /// client sees these fields, and `score`, unless it chooses among them.
    pub fn ranked(query: &Query, fields: &[&str]) -> Result<Self, Problem> {
        let score = doc! {"score": {"$meta": "textScore"}};
        let names = query.get("fields").map(str::to_owned);
        let mut projection = project(&names.unwrap_or_else(|| fields.join(",")), fields)?;
        projection.extend(score.clone());
        Ok(Self {
            page: query.number("page", 1, 1, MAX_RANKED_PAGE)?,
            limit: query.number("limit", USUAL, 1, MOST)?,
            cursor: None,
            sort: score,
            projection: Some(projection),
        })
    }

    /// Shows these fields where the client names none: what is not among them stays inside.
    pub fn only(mut self, fields: &[&str]) -> Self {
        let usual = || fields.iter().filter(|name| **name != "id");
        self.projection
            .get_or_insert_with(|| usual().map(|name| ((*name).to_owned(), 1.into())).collect());
        self
    }

    /// The page of the matches: the JSON of the answer and, behind it, what `linked` needs.
    pub async fn fetch(
        &self,
        collection: Collection,
        filter: Document,
    ) -> Result<Vec<u8>, Problem> {
        let find = Find {
            projection: self.projection.clone(),
            sort: Some(self.sort.clone()),
            skip: if self.cursor.is_some() {
                0
            } else {
                (self.page - 1) * self.limit
            },
            limit: self.limit,
            cursor: self.cursor.clone(),
        };
        let total = collection.count(filter.clone()).await?;
        let page = collection.find::<RawDocumentBuf>(filter, find).await?;
        let place = Place {
            limit: self.limit,
            next: page.next,
            page: self.cursor.is_none().then_some(self.page),
            total,
        };
        let place = to_json(&place)?;
        // One object: what the page holds, and where it stands.
        let data = view::all(&page.documents)?;
        let shown = [&br#"{"data":"#[..], &data, b",", &place[1..]].concat();
        Ok(kept::with(shown, &place))
    }

    /// The whole answer of a list that is not cached.
    pub async fn answer(
        &self,
        request: &Request,
        query: &Query,
        collection: Collection,
        filter: Document,
    ) -> Answer {
        let fetched = self.fetch(collection, filter).await?;
        Ok(Self::linked(request, query, fetched, json_bytes))
    }

    /// The answer of a list that was fetched, with `Link` (RFC 8288): the first page and the next, by cursor where there
    /// is one.
    pub fn linked(
        request: &Request,
        query: &Query,
        fetched: impl Into<Bytes>,
        answer: impl FnOnce(Bytes) -> Response,
    ) -> Response {
        let (body, place) = kept::split(fetched.into());
        let link = |name: &str, at: Option<(&str, &str)>| {
            let question = query.with(&["page", "cursor"], at);
            let mark = if question.is_empty() { "" } else { "?" };
            format!("<{}{mark}{question}>; rel=\"{name}\"", request.path())
        };
        let mut links = vec![link("first", None)];
        match place.and_then(|place| serde_json::from_slice(&place).ok()) {
            Some(Place {
                next: Some(next), ..
            }) => links.push(link("next", Some(("cursor", &next)))),
            Some(Place {
                page: Some(page),
                limit,
                total,
                ..
            }) if page < MAX_RANKED_PAGE && u64::from(page) * u64::from(limit) < total => {
                links.push(link("next", Some(("page", &(page + 1).to_string()))));
            }
            _ => {}
        }
        let mut response = answer(body);
        if let Ok(links) = HeaderValue::from_str(&links.join(", ")) {
            response.headers_mut().insert(header::LINK, links);
        }
        response
    }
}

/// Where a page stands in its list.
#[derive(Serialize, Deserialize)]
struct Place {
    limit: u32,
    next: Option<String>,
    page: Option<u32>,
    total: u64,
}

fn project(names: &str, fields: &[&str]) -> Result<Document, Problem> {
    let mut projection = doc! {"_id": 1};
    for name in names.split(',') {
        if !fields.contains(&name) {
            let detail = format!(
                "\"{name}\" is not a field; known are: {}",
                fields.join(", ")
            );
            return Err(Problem::parameter("fields", detail));
        }
        if name != "id" {
            projection.insert(name, 1);
        }
    }
    Ok(projection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Listing, Problem> {
        let query = Query::parse(query, &Listing::PARAMETERS).unwrap();
        Listing::read(
            &query,
            &["createdAt", "title"],
            &["id", "title"],
            "-createdAt",
        )
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let listing = read("").unwrap();
        assert_eq!((listing.page, listing.limit), (1, 20));
        assert_eq!(listing.sort, doc! {"createdAt": -1});
        let listing = read("sort=title,-createdAt&fields=title").unwrap();
        assert_eq!(listing.sort, doc! {"title": 1, "createdAt": -1});
        assert_eq!(listing.projection, Some(doc! {"_id": 1, "title": 1}));
    }

    #[test]
    fn a_list_links_to_its_next_page_and_its_first() {
        let query = Query::parse("page=2&limit=5", &Listing::PARAMETERS).unwrap();
        let place = br#"{"page":2,"limit":5,"total":11,"next":"a b"}"#;
        let fetched = kept::with(br#"{"data":[]}"#.to_vec(), place);
        let request = Request {
            path: "/api/jobs".to_owned(),
            ..Request::default()
        };
        let answer = Listing::linked(&request, &query, fetched, json_bytes);
        assert_eq!(answer.body(), &br#"{"data":[]}"#[..]);
        assert_eq!(
            answer.headers()[header::LINK],
            "</api/jobs?limit=5>; rel=\"first\", </api/jobs?limit=5&cursor=a%20b>; rel=\"next\""
        );
    }

    #[test]
    fn a_ranked_list_links_to_pages_by_number_and_ends() {
        let query = Query::parse("q=a&page=2&limit=5", &["q", "page", "limit"]).unwrap();
        let linked = |total: u32| {
            let place = format!(r#"{{"page":2,"limit":5,"total":{total},"next":null}}"#);
            let fetched = kept::with(Vec::new(), place.as_bytes());
            let answer = Listing::linked(&Request::default(), &query, fetched, json_bytes);
            answer.headers()[header::LINK].to_str().unwrap().to_owned()
        };
        assert!(linked(11).ends_with(">; rel=\"first\", <?limit=5&q=a&page=3>; rel=\"next\""));
        assert!(linked(10).ends_with("rel=\"first\""));
    }

    #[test]
    fn a_ranked_list_shows_its_score_and_what_is_asked_for() {
        let read = |query: &str| {
            let query = Query::parse(query, &Listing::RANKED).unwrap();
            Listing::ranked(&query, &["id", "title", "city"])
        };
        let score = doc! {"$meta": "textScore"};
        let all = doc! {"_id": 1, "title": 1, "city": 1, "score": score.clone()};
        assert_eq!(read("").unwrap().projection, Some(all));
        let chosen = doc! {"_id": 1, "city": 1, "score": score};
        assert_eq!(read("fields=city").unwrap().projection, Some(chosen));
        let refused = read("page=1001").unwrap_err();
        assert_eq!(refused.body()["parameter"], "page");
    }

    #[test]
    fn each_fault_names_its_parameter() {
        let place = |query: &str| read(query).unwrap_err().body()["parameter"].clone();
        assert_eq!(place("limit=101"), "limit");
        assert_eq!(place("page=0"), "page");
        assert_eq!(place("sort=salary"), "sort");
        assert_eq!(place("sort=title,title"), "sort");
        assert_eq!(place("fields=secret"), "fields");
        assert_eq!(place("page=1&cursor=x"), "cursor");
    }
}
