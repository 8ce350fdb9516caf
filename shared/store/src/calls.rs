//! Calls to DynamoDB, each behind a pointer: what is generic in the SDK is then compiled in this crate, once, and not again in every
//! function that calls a method of the store (async functions are compiled where they are awaited).

use std::pin::Pin;

use aws_sdk_dynamodb::{error::SdkError, operation as op};

type Calling<Answer, Refusal> = Pin<Box<dyn Future<Output = Result<Answer, SdkError<Refusal>>> + Send>>;

/// A request that is ready to be sent.
pub(crate) trait Call {
    type Answer;
    type Refusal;

    /// Sends the request and waits for the answer.
    fn call(self) -> Calling<Self::Answer, Self::Refusal>;
}

macro_rules! calls {
    ($($operation:ident: $builder:ident, $answer:ident, $refusal:ident;)*) => {$(
        impl Call for op::$operation::builders::$builder {
            type Answer = op::$operation::$answer;
            type Refusal = op::$operation::$refusal;

            fn call(self) -> Calling<Self::Answer, Self::Refusal> {
                Box::pin(self.send())
            }
        }
    )*};
}

calls! {
    batch_get_item: BatchGetItemFluentBuilder, BatchGetItemOutput, BatchGetItemError;
    batch_write_item: BatchWriteItemFluentBuilder, BatchWriteItemOutput, BatchWriteItemError;
    delete_item: DeleteItemFluentBuilder, DeleteItemOutput, DeleteItemError;
    get_item: GetItemFluentBuilder, GetItemOutput, GetItemError;
    put_item: PutItemFluentBuilder, PutItemOutput, PutItemError;
    query: QueryFluentBuilder, QueryOutput, QueryError;
    scan: ScanFluentBuilder, ScanOutput, ScanError;
    transact_write_items: TransactWriteItemsFluentBuilder, TransactWriteItemsOutput, TransactWriteItemsError;
    update_item: UpdateItemFluentBuilder, UpdateItemOutput, UpdateItemError;
}
